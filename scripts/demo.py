#!/usr/bin/env python3
"""Run a whole labelling job on this machine: emulator, the real stack, a job, labelling pages, results.

Run it with `make demo`. It needs no AWS account, and no data leaves the machine. You can stop it with Ctrl+C at any
time. The same command continues with the same job.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import logging
import os
import re
import secrets
import shlex
import shutil
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

from truepoint.emulator.emulator import HOST, Emulator, EmulatorError, free_port, is_listening, write_for_owner
from truepoint.emulator.local_stack import DeploymentError, deploy, function_log, stack_outputs
from truepoint.formats.labels import shown
from truepoint.jobs.images import FoundImages, images_in_folder, list_objects
from truepoint.jobs.launch import (
    JobExistsError,
    PreparedJob,
    create_outside_ground_truth,
    describe_outside_ground_truth,
    prepare_job,
)
from truepoint.jobs.limits import JobRefusedError
from truepoint.jobs.prelabels import (
    Choices,
    Instances,
    PrelabelError,
    Prelabels,
    Sizes,
    add_options,
    choices,
    read_prelabels,
)
from truepoint.jobs.request import JobSettings
from truepoint.jobs.stack import StackOutputs
from truepoint.jobs.status import job_folders
from truepoint.jobs.terminal import print_any_text
from truepoint.keys import job_keys, s3_uri, split_s3_uri
from truepoint.portal.cloud import Cloud, StorageFullError
from truepoint.portal.local_front import DEMO_USERS, LocalFront, Ticks, add_users, connect
from truepoint.portal.runner import JobRunner
from truepoint.portal.scripted import Answers, AnswersError, AnswersFile, image_name
from truepoint.portal.server import ElementSource, Portal
from truepoint.portal.unattended import finish, run_unattended
from truepoint.portal.upkeep import Upkeep, wait_for_results
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton
from truepoint.tasks.labeling_job import LabelingJobError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".demo"
TEMPLATE = PROJECT / "src" / "ui" / "worker-task.liquid.html"
SKELETONS = PROJECT / "skeletons"
DEFAULT_PORT = 8000
EXAMPLES = PROJECT / "examples"
"""Images to label when no folder is given: one folder for each subject."""
RUNTIME = Path(sys.executable).parent
FAILED = 1
NAMED = 10
"""Maximum number of existing folders or jobs named when one is not found."""


class DemoError(RuntimeError):
    """A problem that the user can solve. The message says how."""


class Unfinished(DemoError):  # noqa: N818 (the outcome of a run, not an error)
    """A job in which images still need answers after all answers of the file were given."""


@dataclass(frozen=True, slots=True)
class Options:
    """The validated options of the command line."""

    job: str | None
    images: Path | None
    own_images: FoundImages | None
    continued: str | None
    skeleton: Skeleton
    workers: int
    answers: AnswersFile | None
    prelabels: Prelabels | None
    finish: bool
    team: bool
    port: int
    browser: bool
    folder: Path


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0 if it succeeded, 1 if not, 2 for bad usage."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    print_any_text()
    try:
        options = parse(arguments)
        return run(options)
    except (
        DemoError, EmulatorError, DeploymentError, LabelingJobError, JobRefusedError, JobExistsError, StorageFullError,
    ) as error:  # fmt: skip
        print(f"\n{error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nStopped before the job was ready. Run the same command to start again.")
        return 0


def parse(arguments: list[str] | None) -> Options:
    """Return the options that the command line gives.

    Raises:
        DemoError: an option has an invalid value, or two options contradict each other.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--images", type=Path, help="folder of images (default: a folder in examples/)")
    what.add_argument("--job", metavar="NAME", help="an existing job in the demo's account, such as a review job")
    parser.add_argument("--continue-from", metavar="JOB", help="an earlier job whose labels become pre-labels")
    parser.add_argument(
        "--skeleton", default="coco-person", help="skeleton file, or a name in skeletons/ (coco-person)"
    )
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="people who label each image, 1 to 9 (1)")
    parser.add_argument(
        "--answers", type=Path, metavar="FILE",
        help="answers of scripted workers, or labels of any format below; runs the job without a browser",
    )  # fmt: skip
    parser.add_argument(
        "--finish", action="store_true", help="with --answers: end the job even if images have no answer"
    )
    parser.add_argument(
        "--team",
        action="store_true",
        help="use the portal for teams, as on AWS, with sign-in by one click, also as a lead",
    )
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help=f"port of the labelling pages ({DEFAULT_PORT})"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder of the demo's data (.demo)")
    add_options(parser, "pre-labels, and answers of other formats")
    given = parser.parse_args(arguments)
    skeleton = _skeleton(given.skeleton)
    if not 1 <= given.workers <= 9:
        raise DemoError(f"argument --workers: expected 1 to 9 (Ground Truth's limit), got {given.workers}.")
    if given.team and given.answers is not None:
        raise DemoError("argument --team: people label in the portal for teams, an answers file cannot.")
    if given.answers is None:
        _check_port(given.port)
    for name in (given.job, given.continue_from):
        _check_job(name, given.folder)
    if given.prelabels is not None and (given.images is None or given.continue_from is not None):
        raise DemoError("Pre-labels need a new job with your own images: add --images, and omit --continue-from.")
    try:
        chosen = choices(given)
    except PrelabelError as error:
        raise DemoError(str(error)) from error
    answers = _answers(given.answers, skeleton, chosen)
    own_images = None if given.images is None else _find_images(given.images)
    if own_images is not None and answers is not None:
        _check_answers(answers, _sizes(own_images), skeleton)
    prelabels = None
    if own_images is not None and given.prelabels is not None:
        try:
            prelabels = read_prelabels(given.prelabels, skeleton, _sizes(own_images), chosen)
        except (PrelabelError, OSError) as error:
            raise DemoError(f"The pre-labels cannot be used: {error}") from error
    return Options(
        job=given.job,
        images=given.images,
        own_images=own_images,
        continued=given.continue_from,
        skeleton=skeleton,
        workers=given.workers,
        answers=answers,
        prelabels=prelabels,
        finish=given.finish,
        team=given.team,
        port=given.port,
        browser=not given.no_browser and _has_screen(),
        folder=given.folder,
    )


def run(options: Options) -> int:
    """Run everything from the emulator to the results."""
    _check_tools()
    options.folder.mkdir(parents=True, exist_ok=True)
    with (options.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoError(f"Another demo is running in {options.folder}. Stop it first (Ctrl+C there).") from error
        return _run(options)


def _run(options: Options) -> int:
    say("Starting the AWS emulator, which listens on this machine only")
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    origins = frozenset({f"http://{host}:{options.port}" for host in (HOST, "localhost")})
    port = _emulator_port(options.folder)
    with Emulator(python, options.folder, port=port, keep=True, origins=origins) as emulator:
        began = time.monotonic()
        say("Deploying template.yaml to the emulator with `sam build` and `sam deploy` (first time: half a minute)")
        deployed = deploy(PROJECT, emulator, RUNTIME / "sam", {"Portal": "yes"} if options.team else None)
        say(
            f"Deployed the stack in {time.monotonic() - began:.0f} s"
            if deployed
            else "The stack is already deployed, unchanged"
        )
        stack = stack_outputs(emulator)
        if stack is None:
            raise DemoError(f"The stack does not exist after its deployment; see {emulator.folder / 'deploy.log'}")
        write_for_owner(options.folder / "environment", environment(emulator))
        runner = _given_job(options.job, emulator, stack) if options.job else _start_job(options, emulator, stack)
        if options.team:
            _serve_team(options, emulator, stack, runner.job.name)
            say("Stopped. Every submitted answer is stored. Continue with the same `make demo` command.")
            return 0
        secret = _secret(options.folder)
        shown = threading.Event()

        def show() -> None:
            _show_results(options, emulator, stack, runner)
            shown.set()

        with Upkeep(runner) as upkeep:
            if options.answers is None:
                element = ElementSource.of(stack, emulator)
                # Results are shown as soon as they are complete; the pages are served until Ctrl+C.
                threading.Thread(target=_when_ready, args=(runner, show), daemon=True).start()
                _serve(options, Portal(runner, upkeep, element, secret), element.creator_path)
            else:
                _answer(options, options.answers, runner, upkeep, secret)
        if shown.is_set():
            return 0
        if runner.job.ended and wait_for_results(runner):
            show()
            return 0
        if runner.job.ended:
            log = function_log(emulator, stack.job_completion_arn)
            raise DemoError(f"The results were not written. The job-completion function's log ends with:\n{log}")
    say("Stopped. Every submitted answer is stored. Continue with the same `make demo` command.")
    return 0


def environment(emulator: Emulator) -> str:
    """Return the shell script that gives a new shell the demo's account and this project's tools (`python`, `sam`)."""
    return f'{emulator.shell()}export PATH={shlex.quote(str(RUNTIME))}:"$PATH"\n'


def _when_ready(runner: JobRunner, show: Callable[[], None]) -> None:
    """Wait without a time limit for the job's end and its results, then show them."""
    while True:
        with suppress(ClientError, BotoCoreError):  # the emulator is busy, or stops
            if runner.job.ended and runner.results():
                break
        time.sleep(1)
    show()


def _has_screen() -> bool:
    # Without a screen, `webbrowser` may start a text browser in this terminal.
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"• {text}", flush=True)


def _check_tools() -> None:
    for tool, package in (("node", "Node.js 20 or later"), ("npm", "npm")):
        if shutil.which(tool) is None:
            raise DemoError(f"{package} is needed to build the labelling element, but `{tool}` is not on the PATH.")
    if not (PROJECT / ".venv-emulator" / "bin" / "python").exists():
        raise DemoError("The emulator is not installed. Run `make setup` first (`make demo` does).")


def _answers(path: Path | None, skeleton: Skeleton, chosen: Choices) -> AnswersFile | None:
    if path is None:
        return None
    try:
        return AnswersFile(path, skeleton, chosen)
    except OSError as error:
        raise DemoError(f"The answers in {path} cannot be read: {error.strerror}.") from error
    except AnswersError as error:
        raise DemoError(f"{path}: {error}") from error


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port number from 1 to 65535, got {text!r}")
    return int(text)


def _check_port(port: int) -> None:
    other = "Choose another one: make demo PORT=8001"
    if is_listening(port):
        raise DemoError(f"Port {port} is in use by another program (another demo?). {other}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoError(f"Port {port} cannot be used: {error.strerror}. {other}") from error


def _skeleton(name: str) -> Skeleton:
    path = Path(name)
    if not path.is_file():
        path = SKELETONS / f"{name}.json"
    if not path.is_file():
        names = ", ".join(sorted(path.stem for path in SKELETONS.glob("*.json")))
        raise DemoError(f"There is no skeleton {name!r}. Give a file, or one of: {names}.")
    try:
        return parse_skeleton(path.read_bytes())
    except SkeletonError as error:
        raise DemoError(f"{path}: {error}") from error


def _find_images(folder: Path) -> FoundImages:
    """Return the images in a folder.

    Raises:
        DemoError: the folder does not exist, or it contains no image.
    """
    if folder.is_file():
        raise DemoError(f"{folder} is a file. Give its folder instead: make demo IMAGES={folder.parent}")
    if not folder.is_dir():
        beside = folder.parent if folder.parent.is_dir() else Path()
        names = sorted(path for path in beside.iterdir() if path.is_dir() and not path.name.startswith("."))
        raise DemoError(f"There is no folder {folder}. Folders in {beside.absolute()}: {_named(names)}.")
    images = images_in_folder(folder)
    for refused in images.refused:
        say(f"Left out {refused.name}: {refused.reason}")
    if not images.images:
        raise DemoError(f"There are no images (JPEG, PNG or WebP) in {folder}.")
    return images


def _check_job(name: str | None, folder: Path) -> None:
    """Check that a job exists in the emulator's files, so that a wrong name is refused before the emulator starts."""
    jobs = sorted({path.parent.name for path in (folder / "state").glob("s3/**/jobs/*/labeling_job.json")})
    if name is not None and name not in jobs:
        there = f"Jobs there: {_named(jobs)}." if jobs else "It has no jobs yet; `make demo` creates the first one."
        raise DemoError(f"There is no job {name!r} in the demo's account (`make demo-reset` deletes all jobs). {there}")


def _named(names: Sequence[object]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (", ".join(map(str, names[:NAMED])) or "none") + more


def _check_answers(file: AnswersFile, sizes: Sizes, skeleton: Skeleton) -> tuple[Answers, tuple[str, ...]]:
    try:
        return file.for_images(sizes, skeleton)
    except AnswersError as error:
        raise DemoError(f"{error}. Nothing was done.") from error


def _sizes(images: FoundImages) -> Sizes:
    return {image.name: (image.width, image.height) for image in images.images}


def _emulator_port(folder: Path) -> int:
    """Return the previous run's port if it is free, so that links in open browser tabs still work."""
    kept = folder / "port"
    port = int(kept.read_text()) if kept.is_file() else 0
    if port == 0 or is_listening(port):
        port = free_port()
        kept.write_text(str(port))
    return port


def _secret(folder: Path) -> bytes:
    """Return the key for workers' pseudonyms. It is the same in every run, so that nobody labels an image twice."""
    kept = folder / "worker-secret"
    if not kept.is_file():
        kept.touch(mode=0o600)
        kept.write_bytes(secrets.token_bytes(32))
    return kept.read_bytes()


def _start_job(options: Options, emulator: Emulator, stack: StackOutputs) -> JobRunner:
    skeleton = options.skeleton
    folder = options.images or EXAMPLES / ("box-truck" if "truck" in skeleton.name else "person")
    images = options.own_images or _find_images(folder)
    names = [image.name for image in images.images]
    content = [image.md5 for image in images.images] + names
    plain = re.sub(r"[^a-z0-9]+", "-", skeleton.name.lower()).strip("-") or "keypoints"
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)

    def exists(job: str) -> bool:
        return describe_outside_ground_truth(s3, stack.bucket, job) is not None

    def name_with(*prelabels: str) -> str:
        name = _job_name(plain, skeleton, options.workers, [*content, *prelabels])
        # An answers file may complete an existing job of people. A job that it creates has another name than theirs.
        if options.answers is None or exists(name):
            return name
        return _job_name(plain, skeleton, options.workers, [*content, *prelabels, "scripted"])

    name = name_with()
    before = options.continued
    if before is None and options.prelabels is None and not exists(name):
        # Scripted workers do not confirm pre-labels, and there may be nobody to ask.
        ask = options.answers is None and sys.stdin.isatty()
        before = _offered(_earlier_job(s3, stack.bucket, f"demo-{plain[:32]}-", names), emulator, stack, ask=ask)
    labels: dict[str, Instances] = {}
    if options.prelabels is not None:
        for line in options.prelabels.report:
            say(f"Pre-labels: {line}")
        labels = options.prelabels.instances
        name = name_with(repr(sorted(labels.items())))
    elif before is not None:
        labels = _labels(before, emulator, stack, names)
        name = name_with(before)
    settings = JobSettings(
        name=name,
        workers_per_object=options.workers,
        task_time_limit_seconds=3600,  # an image that a user took under another name is free again after an hour
    )
    template = TEMPLATE.read_text("utf-8")
    prepared = prepare_job(settings, stack, skeleton, images.images, template_source=template, prelabels=labels)
    for reason in prepared.omitted:
        say(f"Left out {reason}")
    if not _create(prepared, emulator, stack):
        return _given_job(prepared.name, emulator, stack)
    also = f", {len(labels)} of them with the labels of {before} to start from" if before else ""
    also = f", {len(labels)} of them with pre-labels" if options.prelabels else also
    say(f"Created job {prepared.name}: {prepared.object_count} images from {folder}{also}")
    return _runner(prepared.name, emulator, stack)


def _job_name(plain: str, skeleton: Skeleton, workers: int, content: list[str]) -> str:
    digest = hashlib.sha256(repr([skeleton, workers, content]).encode()).hexdigest()[:8]
    return f"demo-{plain[:32]}-{digest}"


def _earlier_job(s3: S3Client, bucket: str, prefix: str, names: Sequence[str]) -> str | None:
    """Return the newest job whose name starts with `prefix` and that has an image with one of these names, or None."""
    newest: tuple[str, str] | None = None
    for job in job_folders(s3, bucket):
        described = describe_outside_ground_truth(s3, bucket, job) if job.startswith(prefix) else None
        if described is None or (newest is not None and described["CreationTime"] <= newest[0]):
            continue
        images = job_keys(job).images
        keys = (key.removeprefix(images) for key, _, _ in list_objects(s3, bucket, images))
        if not set(names).isdisjoint(keys):
            newest = (described["CreationTime"], job)
    return newest and newest[1]


def _offered(job: str | None, emulator: Emulator, stack: StackOutputs, *, ask: bool) -> str | None:
    """Tell the user about an earlier job with these images, and return its name if the user wants its labels."""
    progress = _runner(job, emulator, stack).progress() if job else None
    if job is None or progress is None or not progress.started:
        return None
    say(
        "The images, the skeleton, the number of workers or who labels (you or an answers file) changed since job "
        f"{job} ({progress.full} of {progress.lines} images done), so this is a new job. "
        "The earlier one stays as it is."
    )
    say(f"Continue with the earlier job instead:           make demo JOB={job}")
    say(f"Start the new job with the earlier job's labels:  add CONTINUE={job} to the command")
    if not ask:
        say("Starting without the earlier labels, because nobody can answer the question here")
        return None
    wanted = input("  Start with the earlier labels? They are shown as pre-labels to confirm. [Y/n] ")
    return None if wanted.strip().lower().startswith("n") else job


def _labels(job: str, emulator: Emulator, stack: StackOutputs, names: Sequence[str]) -> dict[str, Instances]:
    """Return the labels of a job by image name, for the images in `names`."""
    runner = _runner(job, emulator, stack)
    if not runner.job.ended:
        runner.consolidate()  # the images with all their answers; the job stays open
    labels: dict[str, Instances] = {}
    for source, label in runner.labels().items():
        name = source.partition("/images/")[2]
        if name in names and label.get("valid", True):
            labels[name] = tuple(label["updated_annotations"])
    return labels


def _given_job(name: str, emulator: Emulator, stack: StackOutputs) -> JobRunner:
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    if describe_outside_ground_truth(s3, stack.bucket, name) is None:
        raise DemoError(f"There is no job {name!r} in the demo's account (`make demo-reset` deletes all jobs).")
    runner = _runner(name, emulator, stack)
    progress = runner.progress()
    say(f"Continuing job {name}: {progress.full} of {progress.lines} images are done")
    return runner


def _runner(name: str, emulator: Emulator, stack: StackOutputs) -> JobRunner:
    cloud = Cloud.as_role(stack.execution_role_arn, emulator.session(), emulator.endpoint)
    return JobRunner(cloud, s3_uri(stack.bucket, job_keys(name).labeling_job))


def _create(prepared: PreparedJob, emulator: Emulator, stack: StackOutputs) -> bool:
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    # An existing job keeps its template, and so its version of the element. A change of images, skeleton or number of
    # workers changes the job's name.
    if describe_outside_ground_truth(s3, stack.bucket, prepared.name) is not None:
        return False
    with tqdm(total=len(prepared.images), desc="uploading", unit="image", leave=False) as bar:
        return create_outside_ground_truth(prepared, s3, stack, datetime.now(UTC), bar.update)[1]


def _serve(options: Options, portal: Portal, creator_path: str) -> None:
    _serve_application(options, portal.application(options.port), creator_path)


def _serve_team(options: Options, emulator: Emulator, stack: StackOutputs, job: str) -> None:
    """Serve the deployed portal, and run its tick more often than once a minute."""
    portal = connect(emulator, options.port)
    add_users(emulator, portal)
    names = ", ".join(user.name for user in DEMO_USERS)
    with Ticks(emulator) as ticks:
        ticks.first()
        say(
            f"Job {job} is open. Sign in as one of: {names}. Open a private window to be somebody else at the same time"
        )
        element = ElementSource.of(stack, emulator)
        _serve_application(options, LocalFront(emulator, portal, options.port).application, element.creator_path)


def _serve_application(options: Options, application: Any, creator_path: str) -> None:
    address = f"http://{HOST}:{options.port}/"

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(f"Create a skeleton:  {address[:-1]}{creator_path}")
            say(f"Label images here:  {address}     (stop with Ctrl+C; no submitted answer is lost)")
            if options.browser:
                webbrowser.open(address)

    config = uvicorn.Config(
        application,
        host=HOST,
        port=options.port,
        log_level="warning",
        access_log=False,  # it would contain personal data: who requested what
        timeout_graceful_shutdown=5,
    )
    with suppress(KeyboardInterrupt):
        Server(config).run()


def _answer(options: Options, file: AnswersFile, runner: JobRunner, upkeep: Upkeep, secret: bytes) -> None:
    sizes = {image_name(source): size for source, size in runner.image_sizes().items()}
    answers, report = _check_answers(file, sizes, _skeleton_of(runner, options))
    for line in report:
        say(f"Answers: {line}")
    left = [name.rsplit("/", 1)[-1] for name in sizes if not any(name in given for given in answers.values())]
    wanted = runner.progress().lines * runner.job.workers_per_object
    say(f"Submitting {wanted} answers of {len(answers)} scripted {'worker' if len(answers) == 1 else 'workers'}")
    with tqdm(total=wanted, desc="answering", unit="answer") as bar:

        def answered() -> None:
            bar.update()
            upkeep.poke()

        run_unattended(runner, answers, secret, answered, say)
    if not runner.is_finished():
        progress = runner.progress()
        reason = f"{progress.lines - progress.full} of {progress.lines} images still need answers"
        if left:
            reason += f"; the file has no answers for {shown(left)}"
        if not options.finish:
            runner.consolidate()
            raise Unfinished(
                f"{reason}. The file's answers are stored, and the job stays open. "
                f"Label the rest: make demo JOB={runner.job.name}. End the job without the rest: add FINISH=yes"
            )
        say(f"{reason}; ending the job without them (FINISH=yes)")
    finish(runner, say)


def _skeleton_of(runner: JobRunner, options: Options) -> Skeleton:
    """Return the skeleton of a job; that of the command line if the job has none."""
    bucket, _ = split_s3_uri(runner.job.manifest_uri)
    try:
        return parse_skeleton(runner.cloud.get(s3_uri(bucket, job_keys(runner.job.name).skeleton)))
    except (ClientError, SkeletonError):
        return options.skeleton


def _show_results(options: Options, emulator: Emulator, stack: StackOutputs, runner: JobRunner) -> None:
    results = runner.results() or {}
    target = options.folder / "results" / runner.job.name
    s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
    prefix = job_keys(runner.job.name).results
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=stack.bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            path = target / item["Key"].removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=stack.bucket, Key=item["Key"])["Body"].read())
    say(f"Job {runner.job.name} is {runner.job.status.lower()}")
    counts = ", ".join(f"{results.get(name)} {name}" for name in ("written", "rejected", "failed", "unlabeled"))
    say(f"Results: {counts} of {results.get('lines')} images")
    say(f"The results are in {target}")
    say(f"On AWS, the results would be in {runner.results_uri()}")


if __name__ == "__main__":
    sys.exit(main())
