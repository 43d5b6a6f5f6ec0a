"""Starting and stopping the AWS emulator on this machine."""

from __future__ import annotations

import json
import os
import secrets
import shlex
import signal
import socket
import string
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType

import boto3
from botocore.loaders import create_loader
from botocore.session import get_session

from truepoint.emulator.emulator_gate import READY_PATH, TOKEN_HEADER

SERVER = Path(__file__).with_name("emulator_server.py")
HOST = "127.0.0.1"
CONTAINER_HOST = "host.docker.internal"
"""Name of this machine inside a container. Docker Desktop resolves it; elsewhere `scripts/sam_local.py` sets it up."""
REGION = "us-east-1"
SECRETS = "secrets.json"
OWNER_ONLY = 0o600
ACCESS_KEY_CHARACTERS = string.ascii_uppercase + string.digits
SERVICES = create_loader()
"""The descriptions of AWS's services that are already parsed."""
READY_SECONDS = 30
"""Time limit for the start, in seconds."""
STOP_SECONDS = 30
"""Time limit for stopping, in seconds. The emulator writes its whole state when it stops."""


class EmulatorError(RuntimeError):
    """A failure to start or stop the emulator. The message names its log."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The random secrets of one emulator folder.

    They are the credentials of the account's root user, and the token for requests that AWS accepts unsigned
    (`emulator_gate`).
    """

    access_key_id: str
    secret_access_key: str
    token: str

    @classmethod
    def kept_in(cls, folder: Path) -> Secrets:
        """Return the folder's secrets; create them if it has none. They persist, so links signed earlier stay valid."""
        file = folder / SECRETS
        if not file.is_file():
            key = "AKIA" + "".join(secrets.choice(ACCESS_KEY_CHARACTERS) for _ in range(16))
            made = {
                "access_key_id": key,
                "secret_access_key": secrets.token_urlsafe(30),
                "token": secrets.token_urlsafe(),
            }
            write_for_owner(file, json.dumps(made))
        return cls(**json.loads(file.read_text()))


@dataclass
class Emulator:
    """The emulator, with IAM enforced. It is a context manager, which stops the emulator and its child processes.

    With `keep`, its state is persistent: objects in S3 as soon as they are written, even if the process is killed, and
    everything else (the deployed stack) when it is stopped properly. So restart it once after a deployment.

    Attributes:
        python: interpreter of the emulator's environment, in which functions run too.
        folder: folder for its log, state and temporary files; created if missing.
        port: port on loopback; 0 for any free one, which is set at the start.
        keep: whether the state is persistent.
        origins: origins of the pages that load images from it, such as `http://127.0.0.1:8000`. Requests of all other
            web pages are refused.
    """

    python: Path
    folder: Path
    port: int = 0
    keep: bool = False
    origins: frozenset[str] = frozenset()
    _process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        """Base URL of all services."""
        return f"http://{HOST}:{self.port}"

    @property
    def log(self) -> Path:
        """The file with the emulator's log and its functions' output."""
        return self.folder / "emulator.log"

    @cached_property
    def secrets(self) -> Secrets:
        """The credentials and the token that this emulator accepts."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Secrets.kept_in(self.folder)

    def session(self) -> boto3.Session:
        """Return a new session of the emulated account's root user.

        A session must not be shared by threads. The descriptions of AWS's services, whose parsing takes most of a new
        session's time, are shared by all sessions.
        """
        session = get_session()
        session.register_component("data_loader", SERVICES)
        return boto3.Session(
            self.secrets.access_key_id, self.secrets.secret_access_key, region_name=REGION, botocore_session=session
        )

    def environment(self) -> dict[str, str]:
        """Return environment variables that make AWS's tools use the emulator, whatever the user's AWS settings."""
        mine = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAM_"))}
        return (
            mine
            | self._credentials()
            | {
                "AWS_ENDPOINT_URL": self.endpoint,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_REGION": REGION,
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "AWS_EC2_METADATA_DISABLED": "true",
                "SAM_CLI_TELEMETRY": "0",
            }
        )

    def shell(self) -> str:
        """Return the environment as lines of a shell script, which also unsets the terminal's own AWS variables."""
        mine = {name: value for name, value in self.environment().items() if name.startswith("AWS_")}
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(mine.items())]
        # AWS_PROFILE is named because zsh's `unset` fails without a name.
        unset = "unset AWS_PROFILE $(env | sed -n 's/^\\(AWS_[A-Z0-9_]*\\)=.*/\\1/p')"
        return "\n".join([unset, *lines]) + "\n"

    def _credentials(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.secrets.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secrets.secret_access_key,
        }

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.stop()

    def start(self) -> None:
        """Start the emulator, and wait until it answers.

        Raises:
            EmulatorError: the port is in use, or the emulator does not start.
        """
        self.port = self.port or free_port()
        if is_listening(self.port):
            raise EmulatorError(f"port {self.port} is in use by another program; choose another one")
        temporary = self.folder / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        state = self.folder / "state"
        settings = {
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(self.port),
            "AUTH": "true",
            "LAMBDA_EXECUTOR": "local",
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(temporary.absolute()),
            "DOCKER_HOST": "unix:///nonexistent",  # otherwise the emulator would look for containers to remove
            "GATE_HOSTS": " ".join(f"{host}:{self.port}" for host in (HOST, "localhost", CONTAINER_HOST)),
            "GATE_ORIGINS": " ".join(sorted(self.origins)),
            "GATE_TOKEN": self.secrets.token,
            **self._credentials(),  # those of the account's root user
        }
        if self.keep:
            kept = {"STATE_DIR": str(state.absolute()), "S3_DATA_DIR": str((state / "s3").absolute())}
            settings |= {"PERSIST_STATE": "1", "S3_PERSIST": "1"} | kept
        plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own file, by the caller's interpreter)
                [self.python, SERVER],
                stdin=subprocess.PIPE,  # the emulator stops at its end, also if this process is killed
                stdout=log,
                stderr=subprocess.STDOUT,
                env=plain | settings,
                start_new_session=True,  # so that Ctrl+C reaches only this process, which then stops the emulator
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise EmulatorError(f"the emulator did not start; its log is {self.log}")
            time.sleep(0.05)

    def stop(self) -> bool:
        """Stop the emulator and its child processes.

        Returns:
            Whether it was running until now. Otherwise, its last changes may not be on disk.
        """
        process, self._process = self._process, None
        if process is None:
            return False
        was_running = process.poll() is None
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise EmulatorError(f"the emulator did not stop in {STOP_SECONDS} s; its log is {self.log}") from error
        finally:
            self._kill_group(process)
        return was_running

    def restart(self) -> None:
        """Stop and start again on the same port. With `keep`, this writes the deployed stack to disk."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill the emulator, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            self._kill_group(process)

    def _kill_group(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):  # all processes of the group may have ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdin:
            process.stdin.close()

    def _answers(self) -> bool:
        try:
            request = urllib.request.Request(self.endpoint + READY_PATH, headers={TOKEN_HEADER: self.secrets.token})  # noqa: S310
            # No proxy is used, because a company's proxy would get the token, or answer instead of the emulator.
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with direct.open(request, timeout=5) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False


def write_for_owner(file: Path, text: str) -> None:
    """Write a file that no other user of this machine can read. A crash leaves the file whole or absent."""
    whole = file.with_name(f"{file.name}.new")
    whole.unlink(missing_ok=True)
    whole.touch(mode=OWNER_ONLY)
    with whole.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    whole.replace(file)


def free_port() -> int:
    """Return a free port on loopback."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Return whether a process listens on this port on loopback."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
