"""docs/scale.md states the limits that are deployed."""

from __future__ import annotations

import re
from pathlib import Path

from truepoint.results.ranges import LARGEST_RANGE, MOST_RANGES
from truepoint.runs.completion import LARGEST_AT_ONCE

ROOT = Path(__file__).parents[2]


def test_the_page_states_the_deployed_limits() -> None:
    page = " ".join((ROOT / "docs" / "scale.md").read_text().split())
    template = (ROOT / "template.yaml").read_text()
    words = {"8": "eight", "4": "four"}
    first, second = (words[most] for most in re.findall(r"MaxConcurrency: (\d+)", template))
    for fact in (
        f"a manifest of up to {LARGEST_AT_ONCE >> 20} MB",
        f"in ranges of {LARGEST_RANGE >> 20} MB, {first} at once in the first pass and {second} in the second",
        f"our maximum of {MOST_RANGES} ranges",
        f"{int(re.findall(r'MemorySize: (1769)', template)[0]):,} MB of memory",
        f"{int(re.findall(r'MemorySize: (3008)', template)[0]):,} MB of memory",
    ):
        assert fact in page
