"""The command line of `make demo`, checked before anything starts."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truepoint.demo.answers_file import Answers, AnswersError, AnswersFile
from truepoint.emulator.emulator import HOST, is_listening
from truepoint.jobs.images import FoundImages, images_in_folder
from truepoint.jobs.prelabels import Choices, PrelabelError, Prelabels, Sizes, add_options, choices, read_prelabels
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton

PROJECT = Path(__file__).resolve().parents[3]
FOLDER = PROJECT / ".demo"
SKELETONS = PROJECT / "skeletons"
DEFAULT_PORT = 8000
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
    port: int
    browser: bool
    folder: Path


def parse(arguments: list[str] | None, description: str | None) -> Options:
    """Return the options that the command line gives. `--help` shows the description.

    Raises:
        DemoError: an option has an invalid value, or two options contradict each other.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
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
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"port of the portal ({DEFAULT_PORT})")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="folder of the demo's data (.demo)")
    add_options(parser, "pre-labels, and answers of other formats")
    given = parser.parse_args(arguments)
    skeleton = _skeleton(given.skeleton)
    if not 1 <= given.workers <= 9:
        raise DemoError(f"argument --workers: expected 1 to 9 (Ground Truth's limit), got {given.workers}.")
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
    own_images = None if given.images is None else find_images(given.images)
    if own_images is not None and answers is not None:
        answers_for(answers, _sizes(own_images), skeleton)
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
        port=given.port,
        browser=not given.no_browser and _has_screen(),
        folder=given.folder,
    )


def say(text: str) -> None:
    """Print one line of progress."""
    print(f"• {text}", flush=True)


def find_images(folder: Path) -> FoundImages:
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
    if name is not None and name.lower() not in jobs:  # keys spell names in lower case
        there = f"Jobs there: {_named(jobs)}." if jobs else "It has no jobs yet; `make demo` creates the first one."
        raise DemoError(f"There is no job {name!r} in the demo's account (`make demo-reset` deletes all jobs). {there}")


def _named(names: Sequence[object]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return (", ".join(map(str, names[:NAMED])) or "none") + more


def answers_for(file: AnswersFile, sizes: Sizes, skeleton: Skeleton) -> tuple[Answers, tuple[str, ...]]:
    """Return the answers by worker and by the job's image name, and the report of what was read and left out.

    Raises:
        DemoError: no answer is for any image of the job, or two are for one image.
    """
    try:
        return file.for_images(sizes, skeleton)
    except AnswersError as error:
        raise DemoError(f"{error}. Nothing was done.") from error


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


def _sizes(images: FoundImages) -> Sizes:
    return {image.name: (image.width, image.height) for image in images.images}


def _has_screen() -> bool:
    # Without a screen, `webbrowser` may start a text browser in this terminal.
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
