"""Functions that the subcommands share: exit codes, one-line error messages, progress bars, the format of the help."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from truepoint.analysis.folders import TargetError
from truepoint.analysis.label_files import RESULTS
from truepoint.analysis.skeletons import named_skeleton
from truepoint.commands.main import discard, stopped
from truepoint.formats.detection import json_files
from truepoint.formats.labels import IMAGE_SUFFIXES, FormatError
from truepoint.formats.names import unpaired_sides
from truepoint.jobs.exports.finished import ExportError
from truepoint.jobs.files import file_error, is_stream
from truepoint.jobs.prelabels import PrelabelError
from truepoint.jobs.terminal import print_any_text
from truepoint.pose.instance import InstanceError
from truepoint.pose.skeleton import Skeleton, SkeletonError

OK, BAD_INPUT, BAD_USAGE = 0, 1, 2
_ERRORS = (
    ExportError,
    FormatError,
    InstanceError,
    OSError,
    PrelabelError,
    SkeletonError,
    TargetError,
    UnicodeDecodeError,
)
_NAMES = {"read": "read", "compare": "compare raters", "check": "look for errors"}


INCOMPLETE = "the output may be incomplete; run the command again"
"""Consequence of stopping a command that writes step by step."""


class InputError(ValueError):
    """Input that a command cannot use."""


def parser(description: str | None, usage: str, example: str, prog: str | None) -> argparse.ArgumentParser:
    """Return a parser. The help should fit 24 lines of 80 columns. `usage` and `example` may contain %(prog)s."""
    return argparse.ArgumentParser(
        prog=prog,
        usage=usage,
        description=description,
        epilog=f"example: {example}\nexit codes: 0 done, 1 bad input, 2 bad usage, 128 + signal if stopped",
        formatter_class=lambda **options: argparse.RawDescriptionHelpFormatter(max_help_position=22, **options),
    )


def run(work: Callable[[], int], out: Path | None = None, if_stopped: str = "nothing was written") -> int:
    """Run the command's work and return its exit code. Bad input is reported in one line, without a traceback.

    Args:
        work: the command's work.
        out: the file that the command writes at its end, if it writes one.
        if_stopped: what a user who stops the command must know about its output.
    """
    print_any_text()
    signal.signal(signal.SIGTERM, _stop)  # so that unfinished files are removed
    try:
        code = work()
        sys.stdout.flush()
        return code  # noqa: TRY300
    except BrokenPipeError:
        discard(sys.stdout)
    except (InputError, *_ERRORS) as error:
        print(f"error: {_text(error)}", file=sys.stderr)
    except BrokenProcessPool:
        print(
            "error: expected every process to finish, got one that was killed; check the free memory", file=sys.stderr
        )
    except KeyboardInterrupt as error:
        return stopped(error, INCOMPLETE if out is not None and is_stream(out) else if_stopped)
    return BAD_INPUT


def skeleton(given: str) -> Skeleton:
    """Return a skeleton, given the name of a shipped one or the path of a file; note sides without a `pair`.

    Raises:
        FormatError: see `named_skeleton`.
    """
    named = named_skeleton(given)
    if note := unpaired_sides(named):
        print(note, file=sys.stderr)
    return named


def check_output(out: Path, *inputs: Path | str | None) -> None:
    """Check that the file to write is no folder, no image and none of the input files.

    An input may be a name that is no file, such as that of a skeleton.

    Raises:
        InputError: it is one of these.
    """
    if out.is_dir():
        raise InputError(f"argument --out: expected a file, got the folder {str(out)!r}")
    if out.suffix.lower() in IMAGE_SUFFIXES:
        raise InputError(f"argument --out: expected a file that is no image, got {str(out)!r}")
    if out.exists() and any(given is not None and _holds(Path(given), out) for given in inputs):
        raise InputError(f"argument --out: expected another file than the input, got {str(out)!r}, which would be lost")


def _holds(given: Path, out: Path) -> bool:
    """Return whether a file is `given`, or may be a part of it if `given` is a folder.

    A JSON file that is not read from the folder is the output of an earlier run.
    """
    if not given.is_dir():
        return given.exists() and given.samefile(out)
    if out.suffix.lower() == ".json" and not (given / RESULTS).is_file():
        return any(out.samefile(file) for file in json_files(given))
    return out.resolve().is_relative_to(given.resolve())


def messages(out: Path) -> TextIO:
    """Return where to print messages about a result: standard error if the result may be on standard output.

    `--out /dev/null` is for users who want only the messages.
    """
    return sys.stderr if is_stream(out) and str(out) != os.devnull else sys.stdout


def count(number: int, name: str) -> str:
    """Return a number with a noun in the singular or plural: "1 image", "2 images"."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


class Progress:
    """Progress bars on standard error, one per step. There are none if standard error is not a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._step = ""

    def __call__(self, step: str, done: int, count: int) -> None:
        """Show the number of images done in a step."""
        if step != self._step:
            self.close()
            self._step = step
            # disable=None: no bar if standard error is not a terminal.
            self._bar = tqdm(total=count or None, desc=_NAMES[step], unit="image", leave=False, disable=None)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()


def _stop(number: int, _frame: Any) -> None:
    raise KeyboardInterrupt(number)


def _text(error: Exception) -> str:
    return file_error(error) if isinstance(error, OSError) else " ".join(str(error).split())
