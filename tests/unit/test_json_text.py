"""Nesting is bounded exactly, in linear time, whatever the strings hold."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint import json_text
from truepoint.groundtruth.answer import decode_members
from truepoint.groundtruth.batch import pruned
from truepoint.json_text import (
    DEEPEST,
    MOST_BYTES,
    MOST_MEMORY,
    OBJECT_BYTES,
    JsonError,
    decode,
    is_deeper,
    may_exceed,
    memory,
)

TRICKY = st.sampled_from(["", "[", "]", '"', "\\", '\\"', "[[", '"]"', "{", "x", '["]'])
VALUES = st.recursive(
    TRICKY | st.integers(0, 9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TRICKY, inner, max_size=3),
    max_leaves=20,
)


def depth(value: Any) -> int:
    match value:
        case list():
            return 1 + max(map(depth, value), default=0)
        case dict():
            return 1 + max(map(depth, value.values()), default=0)
    return 0


@given(VALUES, st.integers(0, 8))
def test_the_nesting_limit_is_exact(value: Any, deepest: int) -> None:
    for spaced in (json.dumps(value), json.dumps(value, separators=(",", ":"))):
        assert is_deeper(spaced.encode(), deepest) == (depth(value) > deepest)


@given(VALUES, st.integers(0, 8), st.integers(1, 9))
def test_strings_may_reach_over_the_pieces_that_a_text_is_read_in(value: Any, deepest: int, size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_text, "_PIECE", size)
        assert is_deeper(json.dumps(value).encode(), deepest) == (depth(value) > deepest)


@pytest.mark.parametrize("piece", [b'{"":0},', b'{"[":0},', b"[],", b'{"a":"\\""},'])
def test_any_text_takes_linear_memory(piece: bytes) -> None:
    text = b'["[]",' + piece * (8_000_000 // len(piece)) + b"0]"
    tracemalloc.start()
    assert not is_deeper(text, 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5 * len(text)


@given(VALUES)
def test_values_take_no_more_memory_than_estimated(value: Any) -> None:
    text = json.dumps([value] * 50)
    assert held(decode(text, most_memory=None)) <= memory(text) + 1000


def held(value: Any) -> int:
    """Bytes that a value takes, but for its strings."""
    match value:
        case list():
            return sys.getsizeof(value) + sum(map(held, value))
        case dict():
            return sys.getsizeof(value) + sum(map(held, value.values()))
    return 0 if isinstance(value, str) else sys.getsizeof(value)


@given(VALUES, st.integers(1, 3))
def test_pruned_text_is_json_and_keeps_what_is_not_too_deep(value: Any, level: int) -> None:
    text = json.dumps(value).encode()
    deepest = level + 1
    left = json.loads(pruned(text, level, deepest))
    assert depth(left) <= deepest
    if depth(value) <= deepest:
        assert left == value


@pytest.mark.parametrize("levels", [DEEPEST + 1, 985, 9997, 100_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_too_deep_json_is_refused_with_the_limit(levels: int, pair: str) -> None:
    inner = '"a":' if pair == "{}" else ""
    text = (pair[0] + inner) * levels + "1" + pair[1] * levels
    with pytest.raises(JsonError, match=f"expected at most {DEEPEST} levels of nesting"):
        decode(text)


def test_json_of_the_maximum_depth_is_read() -> None:
    assert depth(decode("[" * DEEPEST + "]" * DEEPEST)) == DEEPEST


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf[1]", b"[1]"])
def test_a_byte_order_mark_is_passed_over(text: bytes) -> None:
    assert decode(text) == [1]


@pytest.mark.parametrize(
    "piece", [b"[", b'["', b'"\\', b'[{"a":', b"[]", b"]", b'\\"', b"[" * 60 + b"]" * 60 + b",", b'""', b'"["']
)
def test_any_text_takes_linear_time(piece: bytes) -> None:
    text = piece * (2_000_000 // len(piece))
    began = time.process_time()
    is_deeper(text, 64)
    assert time.process_time() - began < 2


@given(VALUES)
def test_values_with_more_levels_than_instances_have_are_read_too(value: Any) -> None:
    assert decode(json.dumps(value)) == value


@pytest.mark.parametrize("text", ['{"a": "[[", "b": [1, {"c": null}]}', "[1]", '"x"', "{}", "null", '\ufeff{"a": 1}'])
def test_members_are_decoded_as_the_whole(text: str) -> None:
    assert decode_members(text) == decode(text)
    assert decode_members(text.encode()) == decode(text.encode())


@pytest.mark.parametrize("depth", [DEEPEST, DEEPEST + 1, 900, 100_000])
@pytest.mark.parametrize("spaces", [0, MOST_MEMORY // OBJECT_BYTES])
def test_each_member_has_its_own_limit_of_nesting(depth: int, spaces: int) -> None:
    text = '{"a": "x", ' + " " * spaces + '"b": ' + "[" * depth + "]" * depth + "}"
    if depth <= DEEPEST:
        assert decode_members(text)["a"] == "x"
    else:
        with pytest.raises(JsonError, match=f"expected at most {DEEPEST} levels of nesting"):
            decode_members(text)


@pytest.mark.parametrize("text", ["", "{", "{" * 100, "[" * 100, "," * 100, '{"a":[1,2]}' * 100, "é{" * 10])
def test_a_length_that_cannot_exceed_is_no_larger_in_memory(text: str) -> None:
    for form in (text, text.encode()):
        assert not may_exceed(form, MOST_BYTES * len(form))
        assert memory(form) <= MOST_BYTES * len(form)
        assert may_exceed(form, MOST_BYTES * len(form) - 1)


@pytest.mark.parametrize(
    ("text", "bytes_a_character"),
    [
        ("x", 1), ("\u00e9", 1), ("\u4e2d", 2), ("\U0001f600", 4), ("\\n", 1), ("\\u4e2d", 2), ("\\ud83d\\ude00", 4),
        ("\\UD83D", 1), ("\\uD83D\\uDE00", 4),
    ],
)  # fmt: skip
def test_a_long_text_takes_as_much_memory_as_its_widest_character(text: str, bytes_a_character: int) -> None:
    whole = '"' + "x" * 100_000 + text + '"'
    for read in (whole, whole.encode()):
        assert memory(read) == bytes_a_character * len(read)
    if "\\U" not in text:
        assert sys.getsizeof(json.loads(whole)) < memory(whole) + 100


def test_a_text_that_takes_too_much_memory_is_refused() -> None:
    text = b'"' + b"x" * 100_000 + "\U0001f600".encode() + b'"'
    assert len(decode(text, most_memory=4 * len(text))) == 100_001
    with pytest.raises(JsonError, match="expected values of at most 400,000 bytes in memory, got about 400,0"):
        decode(text, most_memory=400_000)
