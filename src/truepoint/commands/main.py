"""The command `truepoint`, which passes its arguments to one of its subcommands."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import TextIO

SUBCOMMANDS = {
    "analyze": "compute consensus, sigmas, agreement and likely errors of labels",
    "compare": "compare two files of labels: OKS, PCK, errors",
    "reskeleton": "map labels to another skeleton, and list what is lost",
    "convert": "convert labels of any format to COCO or pre-labels",
    "export": "write results for other tools: YOLO-pose, CVAT, SLEAP, …",
    "prelabel": "write a model's predictions of images as pre-labels",
    "thumbnails": "show thumbnails of the suspicious images in a job's report",
    "changes": "list the images whose labels differ between two results",
}
"""Descriptions of the subcommands. Each subcommand is the module of the same name."""
OK, BAD_USAGE = 0, 2
SIGNAL_BASE = 128
"""The exit code of a stopped command is this plus the number of the signal, as in shells: 130 for Ctrl+C."""


def main(given: Sequence[str] | None = None) -> int:
    """Run the command, and return its exit code."""
    try:
        return _run(list(sys.argv[1:] if given is None else given))
    finally:  # argparse exits after it has printed the help
        _write("", sys.stdout)


def _run(arguments: list[str]) -> int:
    if arguments == ["--version"]:
        _write(f"truepoint {version('truepoint')}\n", sys.stdout)
        return OK
    if arguments and arguments[0] in SUBCOMMANDS:
        try:
            module = importlib.import_module(f"truepoint.commands.{arguments[0]}")
            code: int = module.main(arguments[1:], f"truepoint {arguments[0]}")
        except KeyboardInterrupt as error:
            return stopped(error)
        return code
    asked = not arguments or arguments[0] in ("-h", "--help")
    if not asked:
        names = ", ".join(SUBCOMMANDS)
        print(f"truepoint: error: expected a command ({names}), got {arguments[0]!r}", file=sys.stderr)
    stream = sys.stdout if asked else sys.stderr
    _write(f"{usage()}\n", stream)
    return OK if asked and arguments else BAD_USAGE


def _write(text: str, stream: TextIO) -> None:
    """Write a text and what the stream has buffered."""
    try:
        print(text, end="", file=stream, flush=True)
    except BrokenPipeError:
        discard(stream)
    except OSError:
        pass  # Python reports it at the end of the program


def discard(stream: TextIO) -> None:
    """Drop a stream's output, whose reader, such as `head`, has what it wants."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else Python fails at the end of the program


def stopped(error: KeyboardInterrupt, consequence: str = "nothing was written") -> int:
    """Report that the user stopped the command, and return its exit code."""
    print(f"\nstopped; {consequence}", file=sys.stderr)
    return SIGNAL_BASE + (error.args[0] if error.args else signal.SIGINT)


def usage() -> str:
    """Return the help of the whole command."""
    rows = "\n".join(f"  {name:11} {text}" for name, text in SUBCOMMANDS.items())
    return f"""usage: truepoint COMMAND …

Measure the quality of keypoint labels, and convert them for other tools.

commands:
{rows}

truepoint COMMAND --help: help of a command. truepoint --version: the version.

example:
  truepoint analyze ann.json bob.json eve.json --out analysis

exit codes: 0 done, 1 bad input, 2 bad usage, 128 + signal if stopped"""
