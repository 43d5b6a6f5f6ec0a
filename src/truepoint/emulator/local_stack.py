"""Building and deploying the template into the emulator, with the same commands as on AWS."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import tomllib
import zipfile
from collections.abc import Mapping
from pathlib import Path

from truepoint.emulator.emulator import Emulator
from truepoint.jobs.stack import StackError, StackOutputs, read_stack

SOURCES = ("template.yaml", "samconfig.toml", "package.json", "package-lock.json", "src/handlers", "src/ui")
GENERATED = frozenset({"__pycache__", "dist", "node_modules"})
POLL_SECONDS = "0.5"
"""Interval at which SAM CLI asks the emulator whether the stack is deployed, in seconds. Its default is 5."""
ARCHITECTURES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


class DeploymentError(RuntimeError):
    """A failure of `sam build` or `sam deploy`. The message names its log."""


def deploy(project: Path, emulator: Emulator, sam: Path, parameters: Mapping[str, str] | None = None) -> bool:
    """Deploy the current sources in the emulator, unless they are deployed already.

    Args:
        project: the folder of template.yaml.
        emulator: a running emulator. Functions are built for its interpreter. If its state is persistent, it is
            restarted after a deployment, so that the stack is written to disk.
        sam: the SAM CLI.
        parameters: stack parameters that replace or complement those of samconfig.toml.

    Returns:
        Whether something was deployed.

    Raises:
        DeploymentError: a command failed.
    """
    runtime, architecture = interpreter_of(emulator.python)
    chosen = dict(parameters or {})
    fingerprint = source_fingerprint(project, runtime, architecture, *(f"{n}={chosen[n]}" for n in sorted(chosen)))
    stamp = emulator.folder / "deployed"
    if emulator.keep and stamp.is_file() and stamp.read_text() == fingerprint and stack_outputs(emulator) is not None:
        return False
    stamp.unlink(missing_ok=True)
    samconfig = (project / "samconfig.toml").read_text(encoding="utf-8")
    overrides = parameter_overrides(samconfig, runtime, architecture, chosen)
    # Builds are in the emulator's folder, so that demos, tests and a user's own `sam build` do not share them. SAM CLI
    # stores dependencies in .aws-sam/deps of its working directory, whatever the options.
    here = emulator.folder.absolute()
    build = ["--build-dir", str(here / "build"), "--cache-dir", str(here / "cache")]
    sources = ["--template-file", str(project.absolute() / "template.yaml")]
    built = ["--template-file", str(here / "build" / "template.yaml")]
    common = [
        "--config-file",
        str(project.absolute() / "samconfig.toml"),
        "--config-env",
        "local",
        "--parameter-overrides",
        *overrides,
    ]
    log = emulator.folder / "deploy.log"
    # SAM CLI runs uv, which is installed beside it.
    environment = emulator.environment()
    environment["PATH"] = f"{sam.absolute().parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment["SAM_CLI_POLL_DELAY"] = POLL_SECONDS

    def run(command: list[str]) -> None:
        with log.open("ab") as output:
            done = subprocess.run(  # noqa: S603 (no shell, no text of a user)
                [sam.absolute(), *command], cwd=here, env=environment, stdout=output, stderr=output, check=False
            )
        if done.returncode:
            raise DeploymentError(f"`sam {command[0]}` failed; its output is in {log}")

    log.unlink(missing_ok=True)
    run(["build", *common, *sources, *build])
    zip_code(here / "build")
    run(["deploy", *common, *built])
    if emulator.keep:
        emulator.restart()
        stamp.write_text(fingerprint)
    return True


def zip_code(build: Path) -> None:
    """Zip each code folder of a built template once.

    SAM CLI would zip a folder again for every function that shares it, which takes most of a deployment's time.
    """
    template = build / "template.yaml"
    text = template.read_text(encoding="utf-8")
    for folder in (path for path in build.iterdir() if path.is_dir()):
        archive = folder.with_name(f"{folder.name}.zip")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1, strict_timestamps=False) as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder))
        text = re.sub(rf"(?m)^( *CodeUri: ){re.escape(folder.name)}$", rf"\g<1>{archive.name}", text)
    template.write_text(text, encoding="utf-8")


def stack_outputs(emulator: Emulator) -> StackOutputs | None:
    """Return the deployed stack's outputs; None if there is no such stack."""
    try:
        return read_stack(emulator.session().client("cloudformation", endpoint_url=emulator.endpoint))
    except StackError:
        return None


def function_log(emulator: Emulator, function_arn: str, lines: int = 30) -> str:
    """Return the last lines of a function's log; empty if it has not run."""
    session = emulator.session()
    function = session.client("lambda", endpoint_url=emulator.endpoint)
    group = function.get_function_configuration(FunctionName=function_arn)["LoggingConfig"]["LogGroup"]
    logs = session.client("logs", endpoint_url=emulator.endpoint).get_paginator("filter_log_events")
    events = [event for page in logs.paginate(logGroupName=group) for event in page["events"]]
    return "\n".join(event["message"].rstrip() for event in events[-lines:])


def interpreter_of(python: Path) -> tuple[str, str]:
    """Return Lambda's names of the runtime and the architecture of an interpreter on this machine.

    Raises:
        DeploymentError: Lambda does not support the machine's architecture.
    """
    code = "import sys; print('python%d.%d' % sys.version_info[:2])"
    runtime = subprocess.run(  # noqa: S603 (the interpreter that we start anyway)
        [python, "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()
    machine = platform.machine().lower()
    if machine not in ARCHITECTURES:
        raise DeploymentError(f"expected a machine of {', '.join(sorted(set(ARCHITECTURES)))}, got {machine}")
    return runtime, ARCHITECTURES[machine]


def parameter_overrides(
    samconfig: str, runtime: str, architecture: str, chosen: Mapping[str, str] | None = None
) -> list[str]:
    """Return all parameters of the local deployment. They must be complete, as they replace those of samconfig.toml."""
    settings = tomllib.loads(samconfig)["local"]["deploy"]["parameters"]["parameter_overrides"]
    parameters = dict(setting.split("=", 1) for setting in settings)
    parameters |= {"PythonRuntime": runtime, "Architecture": architecture, **(chosen or {})}
    return [f"{name}={value}" for name, value in parameters.items()]


def source_fingerprint(project: Path, *also: str) -> str:
    """Return a digest of the sources of a deployment and of further texts that affect it."""
    digest = hashlib.sha256("\0".join(also).encode())
    for source in SOURCES:
        start = project / source
        for path in sorted(p for p in (start.rglob("*") if start.is_dir() else [start]) if p.is_file()):
            name = path.relative_to(project)
            if not GENERATED.intersection(name.parts):
                digest.update(f"\0{name.as_posix()}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
