#!/usr/bin/env python3
"""Run the functions in containers with `sam local invoke` and the sample events in events/.

Builds the functions for this machine's architecture, starts the AWS emulator with the objects that the events refer to,
and invokes each event's function, in the order in which the events depend on each other. Needs a container engine
that answers Docker's API: Docker, or Podman's service (docs/operations.md).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import docker  # SAM CLI's own client
from docker.errors import DockerException

from truepoint.emulator.emulator import CONTAINER_HOST, HOST, Emulator, EmulatorError
from truepoint.emulator.local_stack import ARCHITECTURES
from truepoint.jobs import command

PROJECT = Path(__file__).resolve().parents[1]
EVENTS = PROJECT / "events"
OBJECTS = EVENTS / "s3"
BUCKET = "truepoint-events"
SAM = Path(sys.executable).parent / "sam"
FUNCTIONS = {
    "pre_annotation": "PreAnnotationFunction",
    "post_annotation": "PostAnnotationFunction",
    "job_completion": "JobCompletionFunction",
    "sweep": "SweepFunction",
    "portal": "PortalFunction",
    "results_step": "ResultsStepFunction",
}
"""Logical ids of the functions in template.yaml, by folder of events, in the order of invocation."""

PORTAL = {"PORTAL_TABLE": "portal", "PORTAL_SETTINGS": "/truepoint/events/portal"}
"""Environment variables of the portal's function: the names of its table and of the parameter with its settings."""

STEPS = ("plan", "survey", "join", "label", "merge", "announce")
"""Events of results_step in the order of the state machine."""

CHUNK = 65536
"""Maximum number of bytes that are forwarded at a time."""
IP_FREEBIND = 15
"""Linux's socket option of that name (linux/in.h), for which Python has no constant."""


def main(given: list[str] | None = None) -> int:
    """Run the command; 0 if every function answered, 1 if one failed, 2 bad usage."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  %(prog)s events/job_completion/completed.json\n\n"
        "exit codes: 0 every function succeeded, 1 a function failed, 2 bad usage",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("events", nargs="*", type=Path, metavar="EVENT", help="event files in events/ (default: all)")
    options = parser.parse_args(given)
    return command.run(lambda: invoke_all(options.events))


def invoke_all(chosen: Sequence[Path]) -> int:
    """Build the functions, start the emulator, invoke the functions, and return the exit code.

    Raises:
        UsageError: an event is not a file in events/, or a program is missing on this machine.
    """
    wanted = [sample_event(path) for path in chosen] or all_events()
    for event in wanted:
        check_json(event)
    gateway = engine_gateway()
    with tempfile.TemporaryDirectory() as folder, started(Path(folder)) as emulator:
        environment = emulator.environment() | {
            "BUCKET_NAME": BUCKET,
            **PORTAL,
            "ENDPOINT_URL": f"http://{CONTAINER_HOST}:{emulator.port}",
            "PATH": f"{SAM.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",  # sam calls uv, beside it
        }
        put_objects(emulator)
        session = emulator.session()
        put_portal(
            session.client("dynamodb", endpoint_url=emulator.endpoint),
            session.client("ssm", endpoint_url=emulator.endpoint),
        )
        template = f"{folder}/build/template.yaml"
        sources = ["--template-file", f"{PROJECT}/template.yaml", "--config-file", f"{PROJECT}/samconfig.toml"]
        build = [*sources, "--build-dir", f"{folder}/build"]
        sam(["build", *build, "--parameter-overrides", parameters()], environment, folder)
        failed = 0
        with forwarded(emulator.port, gateway):
            for event in wanted:
                answer = sam(invocation(event, template, gateway), environment)
                failed += shown(event, answer)
    print(f"{len(wanted) - failed} of {len(wanted)} events succeeded")
    return command.AWS_ERROR if failed else command.OK


def all_events() -> list[Path]:
    """Return every sample event, in the order of invocation."""
    folders = (folder for folder in FUNCTIONS if folder != "results_step")
    named = [path for folder in folders for path in sorted((EVENTS / folder).glob("*.json"))]
    return [*named, *(EVENTS / "results_step" / f"{step}.json" for step in STEPS)]


def sample_event(path: Path) -> Path:
    """Return the absolute path of a sample event.

    Raises:
        UsageError: `path` is not a sample event.
    """
    if path.resolve() not in all_events():
        names = ", ".join(f"{folder}/" for folder in FUNCTIONS)
        raise command.UsageError(f"expected a file of events/ ({names}), got {path}")
    return path.resolve()


def check_json(path: Path) -> None:
    """Check that an event file contains JSON. SAM CLI does not, so the function would fail inside its container.

    Raises:
        UsageError: the file is not JSON in UTF-8, or it starts with a byte order mark, which some editors write.
    """
    try:
        json.loads(path.read_bytes().decode("utf-8"))
    except ValueError as error:  # includes UnicodeDecodeError
        raise command.UsageError(
            f"{path}: expected JSON in UTF-8 without a byte order mark, got something else: {error}"
        ) from error


def parameters() -> str:
    """Return the template's parameters for this machine.

    `UsesGroundTruth=no` makes functions read the job's description from the event, because no emulator has Ground
    Truth. `Portal=yes` adds the portal's function.

    Raises:
        UsageError: Lambda does not support this machine's architecture.
    """
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise command.UsageError(f"expected a machine of {', '.join(sorted(ARCHITECTURES))}, got {machine}")
    return f"Architecture={ARCHITECTURES[machine]} UsesGroundTruth=no Portal=yes"


def invocation(event: Path, template: str, gateway: str | None) -> list[str]:
    """Return the arguments of `sam local invoke` for an event.

    Args:
        event: a file in a folder with the name of the function's module.
        template: the built template.
        gateway: address at which containers reach this machine; None if they can resolve its name.

    Returns:
        The arguments. They repeat the architecture, because `sam local` selects the image by it.
    """
    hosts = [] if gateway is None else ["--add-host", f"{CONTAINER_HOST}:{gateway}"]
    function = FUNCTIONS[event.parent.name]
    return [
        "local",
        "invoke",
        function,
        "-t",
        template,
        "-e",
        str(event),
        "--parameter-overrides",
        parameters(),
        *hosts,
    ]


def engine_gateway() -> str | None:
    """Return the address at which containers reach this machine; None if they can resolve its name.

    They can if containers run in a virtual machine: with Docker Desktop, and with every engine on macOS. The host's
    network cannot be used: with `--docker-network host`, `sam local` still puts the container on the engine's bridge.

    Raises:
        UsageError: no container engine answers.
    """
    try:
        engine = docker.from_env()
        if sys.platform != "linux" or engine.info().get("OperatingSystem") == "Docker Desktop":
            return None
        return str(engine.networks.get("bridge").attrs["IPAM"]["Config"][0]["Gateway"])
    except DockerException as error:
        raise command.UsageError(
            "expected a container engine that answers Docker's API, got none; start Docker, or Podman's service "
            f"(`podman system service`) and name its socket in DOCKER_HOST: {error}"
        ) from error


@contextmanager
def started(folder: Path) -> Iterator[Emulator]:
    """Start a separate emulator, yield it, and stop it at the end.

    Raises:
        UsageError: the emulator is not installed, or it does not start.
    """
    try:
        with Emulator(PROJECT / ".venv-emulator" / "bin" / "python", folder / "emulator") as emulator:
            yield emulator
    except EmulatorError as error:
        raise command.UsageError(f"{error}") from error


def put_objects(emulator: Emulator) -> None:
    """Put the objects that the events name into the bucket BUCKET."""
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    s3.create_bucket(Bucket=BUCKET)
    for file in sorted(file for file in OBJECTS.rglob("*") if file.is_file()):
        s3.upload_file(str(file), BUCKET, file.relative_to(OBJECTS).as_posix())


def put_portal(dynamodb: Any, ssm: Any) -> None:
    """Create the portal's table and the parameter with its settings, as template.yaml does."""
    dynamodb.create_table(
        TableName=PORTAL["PORTAL_TABLE"],
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    pages = "https://truepoint.auth.us-east-1.amazoncognito.com"
    issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Example"
    settings = {
        "origin": "https://d111111abcdef8.cloudfront.net",
        "user_pool": "us-east-1_Example",
        "provider": {
            "issuer": issuer,
            "client_id": "client",
            "authorize_url": f"{pages}/oauth2/authorize",
            "token_url": f"{pages}/oauth2/token",
            "logout_url": f"{pages}/logout",
            "keys_url": f"{issuer}/.well-known/jwks.json",
        },
    }
    ssm.put_parameter(Name=PORTAL["PORTAL_SETTINGS"], Value=json.dumps(settings), Type="String", Overwrite=True)


@contextmanager
def forwarded(port: int, gateway: str | None) -> Iterator[None]:
    """Forward a port of the engine's bridge to the same port of loopback, for containers only."""
    if gateway is None:
        yield
        return

    class Connection(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((HOST, port)) as emulator:
                answers = threading.Thread(target=copy, args=(emulator, self.request))
                answers.start()
                copy(self.request, emulator)
                answers.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def server_bind(self) -> None:
            # Podman creates its bridge with the first container, so the address may not exist yet.
            self.socket.setsockopt(socket.SOL_IP, IP_FREEBIND, 1)
            super().server_bind()

    with Server((gateway, port), Connection) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def copy(source: socket.socket, sink: socket.socket) -> None:
    """Copy all data from one socket to another, until the source is closed."""
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def sam(arguments: Sequence[str], environment: Mapping[str, str], folder: str | Path = PROJECT) -> str:
    """Call SAM CLI and return its output.

    Args:
        arguments: the subcommand and its options.
        environment: the environment variables.
        folder: working directory, in which `sam build` creates .aws-sam.

    Raises:
        UsageError: the command failed; the message ends with the end of its output.
    """
    print(f"$ sam {shlex.join(arguments)}", flush=True)
    done = subprocess.run(
        [SAM, *arguments], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    if done.returncode:
        raise command.UsageError(f"sam {' '.join(arguments[:3])} failed: {done.stderr[-2000:].strip()}")
    return done.stdout


def shown(event: Path, answer: str) -> bool:
    """Print a function's answer; return whether it is an error."""
    last = (answer.strip().splitlines() or [""])[-1]
    with suppress(ValueError):
        result: Any = json.loads(last)
        failed = isinstance(result, dict) and "errorMessage" in result
        print(f"{'FAIL' if failed else 'ok  '} {event.relative_to(EVENTS)}: {last[:200]}", flush=True)
        return failed
    print(f"FAIL {event.relative_to(EVENTS)}: expected a JSON answer, got {last[:200]!r}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
