"""Manifests: JSON Lines files with one data object per line, before and after labelling."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from truepoint.json_text import BYTE_ORDER_MARK

LONGEST_LINE = 8 * 1024 * 1024
"""Maximum length of a line, in bytes. Ground Truth accepts input lines of 100,000 characters, and adds a label of at
most 6 MB, Lambda's limit for a response."""

LINES_AT_ONCE = 300
"""Maximum number of lines processed together. With 100, the fixed cost of array operations adds 5 to 8 % to the time of
a job with three workers; more than 300 save hardly any time."""
BYTES_AT_ONCE = 3 * 1024 * 1024
"""Maximum size of the lines processed together, in bytes. It bounds memory: the values of the lines take up to thirty
times their size."""
LARGEST_PIECE = 256 * 1024
"""Size of the pieces of whole lines, in bytes, except for longer lines. It bounds the memory of the separate lines."""


class Line(msgspec.Struct, frozen=True):
    """A line of a manifest file.

    `number` is its index among the lines that are not blank, from 0. `text` is empty for a line that is too long.
    `length` is in bytes. `offset` is the position of the line's first byte in the stream.
    """

    number: int
    text: bytes
    length: int
    offset: int = 0


def read_lines(chunks: Iterable[bytes], longest: int = LONGEST_LINE, *, first: int = 0) -> Iterator[Line]:
    """Yield the lines of a stream that are not blank. Lines end with LF or CRLF; the last one may lack a line end.

    Args:
        chunks: the bytes of the stream.
        longest: maximum length of a line, in bytes; a longer line is yielded without its text.
        first: number of the first line.
    """
    number, held, length, offset = first, bytearray(), 0, 0

    def finished() -> Line | None:
        text = bytes(held).strip().removeprefix(BYTE_ORDER_MARK) if length <= longest else b""
        return Line(number, text, length, offset) if text or length > longest else None

    for chunk in chunks:
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            length += end - start
            if length <= longest:
                held += chunk[start:end]
            if line := finished():
                yield line
                number += 1
            held.clear()
            offset += length + 1
            length = 0
            start = end + 1
        length += len(chunk) - start
        if length <= longest:
            held += chunk[start:]
        else:
            held.clear()
    if line := finished():
        yield line


def batches(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """Yield lines in batches of at most `LINES_AT_ONCE` lines and `BYTES_AT_ONCE` bytes, but at least one line."""
    batch: list[Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) >= LINES_AT_ONCE or size + len(line.text) > BYTES_AT_ONCE):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.text)
    if batch:
        yield batch


def whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a stream, in which every line ends with LF, in pieces that consist of whole lines."""
    held = b""
    for chunk in chunks:
        for start in range(0, len(chunk), LARGEST_PIECE):
            lines, end, held = (held + chunk[start : start + LARGEST_PIECE]).rpartition(b"\n")
            if end:
                yield lines + end
