#!/usr/bin/env python3
"""Render pictures of people and box trucks whose true keypoints are known, to label or to test with.

Writes OUT/<subject>/ with the pictures and truth.json: instances by file name, as `create_labeling_job.py --prelabels`
and scripted workers read them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from truepoint.jobs.scenes import SUBJECTS, render_scenes, write_scenes

EXAMPLE = "example:\n  %(prog)s demo-images --subject person --count 6"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 ok, 2 bad usage."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write to; made if it is not there")
    parser.add_argument("--subject", choices=(*SUBJECTS, "all"), default="all", help="default: all")
    parser.add_argument("--count", type=int, default=6, metavar="N", help="pictures of each subject, 1 to 1000 (6)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another seed gives other pictures (1)")
    options = parser.parse_args(arguments)
    if not 1 <= options.count <= 1000:
        parser.error(f"argument --count: expected 1 to 1000, got {options.count}")
    subjects = SUBJECTS if options.subject == "all" else (options.subject,)
    try:
        for subject in subjects:
            _render(options.out / subject, subject, options.count, options.seed)
    except OSError as error:
        print(f"cannot write to {options.out}: {error}", file=sys.stderr)
        return 2
    return 0


def _render(folder: Path, subject: str, count: int, seed: int) -> None:
    scenes = render_scenes(subject, count, seed)
    # disable=None: no bar where nobody watches it.
    bar = tqdm(scenes, total=count, desc=subject, unit="picture", leave=False, disable=None)
    truth = write_scenes(folder, bar)
    instances = sum(len(listed) for listed in truth.values())
    print(f"{folder}: {count} pictures, {instances} instances, truth.json")


if __name__ == "__main__":
    sys.exit(main())
