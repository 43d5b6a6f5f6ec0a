#!/usr/bin/env python3
"""Run a whole labelling job on this machine: emulator, the real stack, a job, the portal, results.

Run it with `make demo`. It needs no AWS account, and no data leaves the machine. You can stop it with Ctrl+C at any
time. The same command continues with the same job.
"""

from __future__ import annotations

import fcntl
import logging
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import uvicorn
from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

from truepoint.demo import options as command_line
from truepoint.demo.answers_file import AnswersFile, image_name
from truepoint.demo.deployed_portal import PARAMETERS, TickError, Ticks, add_users, connect, demo_users, forget_jobs
from truepoint.demo.job_start import JobStart
from truepoint.demo.local_front import FIRST_PAGE, LocalFront
from truepoint.demo.options import PROJECT, DemoError, Options, Unfinished, answers_for, say
from truepoint.demo.scripted_workers import WorkerNameError, reload_job, run_until_ended, store_answers
from truepoint.demo.stored_job import StorageFullError, StoredJob
from truepoint.emulator.emulator import HOST, Emulator, EmulatorError, free_port, is_listening, write_for_owner
from truepoint.emulator.local_stack import DeploymentError, deploy, function_log, stack_outputs
from truepoint.formats.labels import shown
from truepoint.groundtruth.job import JobError
from truepoint.jobs.launch import JobExistsError
from truepoint.jobs.limits import JobRefusedError
from truepoint.jobs.stack import StackOutputs
from truepoint.jobs.terminal import print_any_text
from truepoint.jobs.worker_template import WorkerTemplateError
from truepoint.tasks.labeling_job import LabelingJobError

RUNTIME = Path(sys.executable).parent
FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    """Run the demo; return 0 if it succeeded, 1 if not, 2 for bad usage."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    print_any_text()
    try:
        return run(parse(arguments))
    except (
        DemoError, EmulatorError, DeploymentError, JobError, LabelingJobError, JobRefusedError, JobExistsError,
        StorageFullError, TickError, WorkerNameError, WorkerTemplateError, BotoCoreError, ClientError,
    ) as error:  # fmt: skip
        print(f"\n{error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("\nStopped before the job was ready. Run the same command to start again.")
        return 0


def parse(arguments: list[str] | None = None) -> Options:
    """Return the options that the command line gives.

    Raises:
        DemoError: an option has an invalid value, or two options contradict each other.
    """
    return command_line.parse(arguments, __doc__)


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


class Running(NamedTuple):
    """A running demo: its options, the emulator, the deployed stack, and what calls ticks."""

    options: Options
    emulator: Emulator
    stack: StackOutputs
    ticks: Ticks


def _run(options: Options) -> int:
    say("Starting the AWS emulator, which listens on this machine only")
    with _emulator(options) as emulator:
        stack = _deploy(emulator)
        write_for_owner(options.folder / "environment", environment(emulator))
        if _behind(options).exists():
            _rebuild_table(options, emulator, stack)
        ticks = Ticks(emulator, stack.portal_tick_arn)
        demo = Running(options, emulator, stack, ticks)
        job = JobStart(options, emulator, stack, ticks).job()
        if options.answers is None:
            _serve(demo, job)
            say("Stopped. Every submitted answer is stored. Continue with the same `make demo` command.")
            return 0
        if not job.described.ended:
            _answer(demo, options.answers, job)
        if not job.wait_for_results():
            log = function_log(emulator, stack.job_completion_arn)
            raise DemoError(f"The results were not written. The job-completion function's log ends with:\n{log}")
        _show_results(options, job)
    return 0


def _behind(options: Options) -> Path:
    """Return the marker that exists while the portal's table may lack answers that the bucket has."""
    return options.folder / "table-behind"


@contextmanager
def _emulator(options: Options) -> Iterator[Emulator]:
    """Run the emulator.

    It writes its tables to disk only when it stops, unlike objects of S3. So after a kill the portal's table is older
    than the bucket.
    """
    running = options.folder / "running"
    if running.exists():
        _behind(options).touch()
    origins = frozenset({f"http://{host}:{options.port}" for host in (HOST, "localhost")})
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    emulator = Emulator(python, options.folder, port=_emulator_port(options.folder), keep=True, origins=origins)
    emulator.start()
    running.touch()
    try:
        yield emulator
    finally:
        if emulator.stop():
            running.unlink()


def _deploy(emulator: Emulator) -> StackOutputs:
    began = time.monotonic()
    say("Deploying template.yaml to the emulator with `sam build` and `sam deploy` (first time: half a minute)")
    deployed = deploy(PROJECT, emulator, RUNTIME / "sam", PARAMETERS)
    say(
        f"Deployed the stack in {time.monotonic() - began:.0f} s"
        if deployed
        else "The stack is already deployed, unchanged"
    )
    stack = stack_outputs(emulator)
    if stack is None:
        raise DemoError(f"The stack does not exist after its deployment; see {emulator.folder / 'deploy.log'}")
    return stack


def _rebuild_table(options: Options, emulator: Emulator, stack: StackOutputs) -> None:
    """Rebuild the portal's table from the bucket, as an operator does who has lost it."""
    say("The demo was interrupted the last time: reading all answers again")
    forget_jobs(emulator, stack.portal_table)
    command = [sys.executable, str(PROJECT / "scripts" / "rebuild_portal.py"), "--all"]
    done = subprocess.run(command, env=emulator.environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        say(f"Some jobs cannot be used: {done.stderr.strip()}")
    else:
        _behind(options).unlink()


def environment(emulator: Emulator) -> str:
    """Return the shell script that gives a new shell the demo's account and this project's tools (`python`, `sam`)."""
    return f'{emulator.shell()}export PATH={shlex.quote(str(RUNTIME))}:"$PATH"\n'


def _check_tools() -> None:
    for tool, package in (("node", "Node.js 20 or later"), ("npm", "npm")):
        if shutil.which(tool) is None:
            raise DemoError(f"{package} is needed to build the labelling element, but `{tool}` is not on the PATH.")
    if not (PROJECT / ".venv-emulator" / "bin" / "python").exists():
        raise DemoError("The emulator is not installed. Run `make setup` first (`make demo` does).")


def _emulator_port(folder: Path) -> int:
    """Return the previous run's port if it is free, so that links in open browser tabs still work."""
    kept = folder / "port"
    port = int(kept.read_text()) if kept.is_file() else 0
    if port == 0 or is_listening(port):
        port = free_port()
        kept.write_text(str(port))
    return port


# -- people label


def _serve(demo: Running, job: StoredJob) -> None:
    """Serve the deployed portal until Ctrl+C. Results are shown as soon as they are complete."""
    options, emulator = demo.options, demo.emulator
    portal = connect(emulator, options.port)
    users = demo_users(job.described.workers_per_object)
    add_users(emulator, portal, users)
    demo.ticks.once()
    lead, *workers = (user.name for user in users)
    say(f"Sign in with one click as {' or '.join(workers)}, who label, or as {lead}, who leads the team")
    threading.Thread(target=_show_when_ready, args=(options, job), daemon=True).start()
    address = f"http://{HOST}:{options.port}"
    _, _, _, creator = demo.stack.creator_url.split("/", 3)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            say(f"Create a skeleton:  {address}/{creator}")
            say(f"Label images here:  {address}{FIRST_PAGE}     (stop with Ctrl+C; no submitted answer is lost)")
            if options.browser:
                webbrowser.open(address + FIRST_PAGE)

    config = uvicorn.Config(
        LocalFront(emulator, portal, options.port).application,
        host=HOST,
        port=options.port,
        log_level="warning",
        access_log=False,  # it would contain personal data: who requested what
        timeout_graceful_shutdown=5,
    )
    with demo.ticks, suppress(KeyboardInterrupt):
        Server(config).run()


def _show_when_ready(options: Options, job: StoredJob) -> None:
    """Wait without a time limit for the job's end and its results, then show them."""
    while True:
        # The emulator is busy, or stops; or a file of the job is damaged.
        with suppress(ClientError, BotoCoreError, JobError, LabelingJobError):
            if job.described.ended and job.results():
                break
        time.sleep(1)
    _show_results(options, job)


# -- scripted workers label


def _answer(demo: Running, file: AnswersFile, job: StoredJob) -> None:
    """Store the answers of a file, and end the job if it is complete or the user asks for it.

    Raises:
        Unfinished: images still need answers, and the job stays open.
    """
    options, ticks = demo.options, demo.ticks
    sizes = {image_name(source): size for source, size in job.image_sizes().items()}
    answers, report = answers_for(file, sizes, job.skeleton() or options.skeleton)
    for line in report:
        say(f"Answers: {line}")
    wanted = len(job.lines) * job.described.workers_per_object
    _behind(options).touch()  # until the table has the answers, whatever happens
    say(f"Submitting {wanted} answers of {len(answers)} scripted {'worker' if len(answers) == 1 else 'workers'}")
    with tqdm(total=wanted, desc="answering", unit="answer") as bar:
        _, is_complete = store_answers(job, answers, _secret(options.folder), bar.update)
    if not is_complete:
        progress = job.progress()
        reason = f"{progress.lines - progress.full} of {progress.lines} images still need answers"
        left = [name.rsplit("/", 1)[-1] for name in sizes if not any(name in given for given in answers.values())]
        if left:
            reason += f"; the file has no answers for {shown(left)}"
        if not options.finish:
            reload_job(demo.emulator, job, demo.stack.portal_table, ticks)
            _behind(options).unlink()
            raise Unfinished(
                f"{reason}. The file's answers are stored, and the job stays open. "
                f"Label the rest: make demo JOB={job.name}. End the job without the rest: add FINISH=yes"
            )
        say(f"{reason}; ending the job without them (FINISH=yes)")
        job.stop()
    reload_job(demo.emulator, job, demo.stack.portal_table, ticks)
    _behind(options).unlink()
    run_until_ended(job, ticks, say)


def _secret(folder: Path) -> bytes:
    """Return the key for scripted workers' pseudonyms. It is the same in every run, so that none answers twice."""
    kept = folder / "worker-secret"
    if not kept.is_file():
        kept.touch(mode=0o600)
        kept.write_bytes(secrets.token_bytes(32))
    return kept.read_bytes()


# -- results


def _show_results(options: Options, job: StoredJob) -> None:
    results = job.results() or {}
    target = options.folder / "results" / job.name
    for path, content in job.result_files():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    say(f"Job {job.name} is {job.described.status.lower()}")
    counts = ", ".join(f"{results.get(name)} {name}" for name in ("written", "rejected", "failed", "unlabeled"))
    say(f"Results: {counts} of {results.get('lines')} images")
    say(f"The results are in {target}")
    say(f"On AWS, the results would be in {job.results_uri()}")


if __name__ == "__main__":
    sys.exit(main())
