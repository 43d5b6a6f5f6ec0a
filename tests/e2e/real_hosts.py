"""AWS under its real host names: `https://*.amazonaws.com`, played by the emulator behind a TLS proxy on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loop import PROJECT, VENV, Loop
from samcli.yamlhelper import yaml_parse

from truepoint.emulator.emulator import HOST, free_port, is_listening
from truepoint.emulator.emulator_gate import TOKEN_HEADER

PROXY = PROJECT / ".venv-proxy" / "bin" / "mitmdump"
ADDON = Path(__file__).with_name("aws_proxy.py")
PROCESS = Path(__file__).with_name("lambda_process.py")
READY_SECONDS = 60


class FunctionError(Exception):
    """The handler raised; the exception's type and message."""


@dataclass(frozen=True)
class RealHosts:
    """A proxy that plays AWS, and the environment that a process needs to be led there."""

    loop: Loop
    folder: Path
    port: int

    @property
    def led_here(self) -> dict[str, str]:
        """What makes a process find the proxy and believe its certificates; nothing that names an endpoint of AWS."""
        authority = str(self.folder / "authority" / "mitmproxy-ca-cert.pem")
        return {"HTTPS_PROXY": f"http://{HOST}:{self.port}", "AWS_CA_BUNDLE": authority, "SSL_CERT_FILE": authority}

    @property
    def operator(self) -> dict[str, str]:
        """The environment of an operator's terminal: credentials and a Region, and no endpoint."""
        secrets = self.loop.emulator.secrets
        return self.led_here | {
            "PATH": f"{VENV}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "AWS_ACCESS_KEY_ID": secrets.access_key_id,
            "AWS_SECRET_ACCESS_KEY": secrets.secret_access_key,
            "AWS_REGION": self.loop.stack.region,
            "AWS_DEFAULT_REGION": self.loop.stack.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def came(self) -> set[str]:
        """The methods and hosts of all requests so far, such as `PUT s3.us-east-1.amazonaws.com`."""
        lines = (self.folder / "notes").read_text().splitlines()
        return {f"{line.split(' ')[0]} {line.split('/')[2]}" for line in lines}

    def script(self, name: str, *arguments: object) -> str:
        """Run an operator's script in a new process; what it printed."""
        done = subprocess.run(
            [sys.executable, PROJECT / "scripts" / name, *map(str, arguments)],
            env=self.operator, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def function(self, name: str, handler: str, **variables: str) -> Iterator[Function]:
        """The built function of a logical id, in Lambda's environment and with its role's rights.

        `variables` replace those that the template sets.
        """
        configured = self.loop.client("lambda").get_function_configuration(FunctionName=self.loop.resource(name))
        credentials = self.loop.session_as(f"{name.removesuffix('Function')}Role").get_credentials()
        assert credentials is not None
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "_HANDLER": handler,
            "LAMBDA_TASK_ROOT": str(self._built(name)),
            "AWS_REGION": self.loop.stack.region,
            "AWS_DEFAULT_REGION": self.loop.stack.region,
            "AWS_LAMBDA_FUNCTION_NAME": configured["FunctionName"],
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configured["MemorySize"]),
            "AWS_LAMBDA_LOG_GROUP_NAME": configured["LoggingConfig"]["LogGroup"],
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/28/[$LATEST]0123456789abcdef0123456789abcdef",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{configured['Runtime']}",
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.token or "",
            **configured.get("Environment", {}).get("Variables", {}),
            **variables,
            **self.led_here,
        }
        assert not [n for n in environment if "ENDPOINT_URL" in n and environment[n]]
        command: list[str | Path] = [self.loop.emulator.python, PROCESS]
        streams: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        with (
            (self.folder / f"{name}.log").open("ab") as log,
            subprocess.Popen(command, env=environment, stderr=log, **streams) as process,
        ):
            yield Function(process)  # leaving closes its standard input, which ends it

    def _built(self, name: str) -> Path:
        """Where `sam build` put the function's code; functions with the same sources share it."""
        build = self.loop.emulator.folder / "build"
        template = yaml_parse((build / "template.yaml").read_text())
        archive = build / str(template["Resources"][name]["Properties"]["CodeUri"])
        return archive.with_suffix("").resolve()

    @contextmanager
    def sagemaker_at(self, url: str) -> Iterator[None]:
        """SageMaker's double answers at `api.sagemaker.….amazonaws.com` for the length of a `with` block."""
        (self.folder / "sagemaker").write_text(url)
        yield
        (self.folder / "sagemaker").unlink()


@dataclass(frozen=True)
class Function:
    """A running function."""

    process: subprocess.Popen[str]

    def __call__(self, event: Any) -> Any:
        """Invoke it; what it returned.

        Raises:
            FunctionError: it raised.
        """
        assert self.process.stdin
        assert self.process.stdout
        print(json.dumps(event), file=self.process.stdin, flush=True)
        answer: Mapping[str, Any] = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise FunctionError(f"{answer['error']}: {answer['message']}")
        return answer["result"]


@contextmanager
def real_hosts(loop: Loop, folder: Path) -> Iterator[RealHosts]:
    """Start the proxy; stop it at the end."""
    port = free_port()
    (folder / "notes").touch()
    settings = {
        "EMULATOR": loop.emulator.endpoint,
        "SAGEMAKER_FILE": str(folder / "sagemaker"),
        "NOTES": str(folder / "notes"),
        "TOKEN_HEADER": TOKEN_HEADER,
        "TOKEN": loop.emulator.secrets.token,
    }
    options = {  # without "lazy" it would try to reach AWS first
        "connection_strategy": "lazy",
        "upstream_cert": "false",
        "confdir": str(folder / "authority"),
        "listen_host": HOST,
        "listen_port": str(port),
        "flow_detail": "0",
    }
    arguments = [part for name, value in options.items() for part in ("--set", f"{name}={value}")]
    with (folder / "proxy.log").open("wb") as log:
        process = subprocess.Popen(
            [PROXY, "-s", ADDON, *arguments], env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while not (is_listening(port) and (folder / "authority" / "mitmproxy-ca-cert.pem").is_file()):
            assert process.poll() is None, (folder / "proxy.log").read_text()
            assert time.monotonic() < deadline, (folder / "proxy.log").read_text()
            time.sleep(0.1)
        yield RealHosts(loop, folder, port)
    finally:
        process.terminate()
        process.wait(30)
