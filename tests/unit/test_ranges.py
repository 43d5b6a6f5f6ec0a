"""A manifest cut into ranges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.groundtruth.manifest import read_lines
from truepoint.results import ranges
from truepoint.results.ranges import MOST_RANGES, Range, cut

TEXTS = st.sampled_from([b"", b"{}", b"x" * 9, b"y" * 70, b"\r", b"\xff\r\r", b" "])
LINES = st.lists(st.tuples(TEXTS, st.sampled_from([b"\n", b"\r\n"])), max_size=30)


def cuts(text: bytes, largest: int, **limits: int) -> list[Range]:
    return cut(len(text), largest, lambda start, end: text[start:end], **limits)


@given(
    lines=LINES, last=st.sampled_from([b"", b"last", b"z" * 50]), largest=st.integers(1, 200), near=st.integers(1, 9)
)
def test_the_ranges_hold_every_line_once_and_whole(
    lines: list[tuple[bytes, bytes]], last: bytes, largest: int, near: int
) -> None:
    text = b"".join(line + end for line, end in lines) + last
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "NEAR", near)
        patch.setattr(ranges, "FAR", 2 * near)
        found = cuts(text, largest)
    assert b"".join(text[r.start : r.end] for r in found) == text
    assert all(text[r.start : r.end].endswith(b"\n") for r in found[:-1])
    assert all(r.start < r.end for r in found) or text == b""
    apart = [line.text for r in found for line in read_lines([text[r.start : r.end]])]
    assert apart == [line.text for line in read_lines([text])]


@pytest.mark.parametrize(
    ("text", "largest", "found"),
    [
        (b"", 10, [(0, 0)]),
        (b"a\n", 10, [(0, 2)]),
        (b"a\nb\nc\n", 1, [(0, 2), (2, 4), (4, 6)]),
        (b"a\nb\nc", 2, [(0, 2), (2, 4), (4, 5)]),
        (b"a\r\nb\r\nc\r\n", 3, [(0, 3), (3, 6), (6, 9)]),
        (b"\n\n\n\n", 2, [(0, 2), (2, 4)]),
        (b"x" * 100 + b"\na\nb", 10, [(0, 101), (101, 104)]),
        (b"a\n" + b"x" * 100, 10, [(0, 102)]),
        (b"x" * 100, 10, [(0, 100)]),
        (b"aaaa\rbbbb\rcccc", 2, [(0, 14)]),
    ],
)
def test_ranges_end_at_line_ends(text: bytes, largest: int, found: list[tuple[int, int]]) -> None:
    assert cuts(text, largest) == [Range(*r) for r in found]


def test_the_number_of_ranges_is_limited() -> None:
    assert len(cuts(b"ab\n" * 10_000, 3)) == MOST_RANGES
    assert len(cuts(b"ab\n" * 100, 3, most=7)) == 7


def test_planning_reads_few_bytes() -> None:
    text = (b"x" * 999 + b"\n") * 1000
    read: list[int] = []

    def counted(start: int, end: int) -> bytes:
        read.append(end - start)
        return text[start:end]

    assert len(cut(len(text), 100_000, counted)) == 10
    assert len(read) == 9
    assert sum(read) <= 9 * ranges.NEAR
