"""Rules for names of keypoints. The cases are the labelling element's too: tests/ui/names.test.js."""

from __future__ import annotations

import json
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from truepoint.formats.names import side_pairs, unpaired_sides
from truepoint.formats.side_pairs import pairs_of
from truepoint.pose.names import is_left_of, name_key, side_of
from truepoint.pose.skeleton import SkeletonError, parse_skeleton

ROOT = Path(__file__).parents[2]
CASES = json.loads((ROOT / "tests" / "cases" / "names.json").read_text())
KEYS = """
import { nameKey } from "./src/ui/lib/names.js";
const keys = {};
for (let code = 0; code < 0x110000; code++) {
  if (code >= 0xd800 && code < 0xe000) continue;
  const name = "a" + String.fromCodePoint(code) + "b";
  if (nameKey(name) !== name) keys[code] = nameKey(name);
}
process.stdout.write(JSON.stringify(keys));
"""


def skeleton(*names: str) -> str:
    return json.dumps({"name": "pen", "keypoints": [{"name": name} for name in names]})


@pytest.mark.parametrize(("name", "other", "is_left"), CASES["left_of"])
def test_which_of_a_pair_is_the_left_one(name: str, other: str, is_left: bool) -> None:
    assert is_left_of(name, other) is is_left


@pytest.mark.parametrize("case", CASES["pairs"], ids=lambda case: case["from"])
def test_pairs_by_name(case: dict[str, Any]) -> None:
    names = case["names"]
    found = {frozenset((names[i], names[j])) for i, j in enumerate(pairs_of(names)) if j >= 0}
    assert found == {frozenset(pair) for pair in case["pairs"]}
    assert found == {frozenset(pair) for pair in side_pairs(names).items()}


def test_german_sides_without_pairs_are_noted() -> None:
    note = unpaired_sides(parse_skeleton(skeleton("nase", "rechtes_auge", "linkes_auge")))
    assert "linkes_auge/rechtes_auge" in note


@pytest.mark.parametrize(("name", "side"), CASES["sides"])
def test_the_side_that_a_name_indicates(name: str, side: str) -> None:
    assert side_of(name) == side


@pytest.mark.parametrize("names", CASES["alike"])
def test_names_that_look_alike_are_refused(names: list[str]) -> None:
    with pytest.raises(SkeletonError, match="differ in more than case and invisible characters"):
        parse_skeleton(skeleton(*names))
    assert len(parse_skeleton(skeleton(*names), stored=True).keypoints) == 2  # jobs of earlier versions go on


@pytest.mark.parametrize("names", CASES["different"])
def test_names_that_can_be_told_apart(names: list[str]) -> None:
    assert parse_skeleton(skeleton(*names)).keypoint_names == tuple(names)


@pytest.mark.parametrize("name", CASES["unseen"])
def test_a_name_without_visible_characters_is_refused(name: str) -> None:
    with pytest.raises(SkeletonError, match="expected a name with visible characters"):
        parse_skeleton(skeleton("nose", name))


def test_both_languages_have_the_same_keys() -> None:
    """For every character that this Python's Unicode version knows."""
    run = subprocess.run(["node", "--input-type=module", "-e", KEYS], cwd=ROOT, capture_output=True, check=True)
    keys = json.loads(run.stdout)
    different = []
    for code in range(sys.maxunicode + 1):
        if 0xD800 <= code < 0xE000 or unicodedata.category(chr(code)) == "Cn":
            continue
        name = f"a{chr(code)}b"
        if name_key(name) != keys.get(str(code), name):
            different.append(hex(code))
    assert different == []
