"""A decoder for untrusted JSON text that bounds the depth of nesting and the memory of the values.

A decoder runs out of stack on text that is nested some hundred to a thousand levels deep. The exact depth depends on
the interpreter and on the caller's own stack, and a value that could be decoded may fail to be encoded again. So all
text from outside is bounded to far fewer levels. Real instances have four. A byte order mark is skipped.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from functools import cache
from typing import Any, NoReturn

import msgspec

DEEPEST = 32
"""Maximum levels of nesting of an answer, a pre-label, a skeleton or a gold file."""
DEEPEST_DOCUMENT = 64
"""Maximum levels of nesting of a document that contains answers: a manifest line, a label, an event, a consolidation
request."""
SHALLOW = {DEEPEST: 4, DEEPEST_DOCUMENT: 8}
"""Levels of nesting of real instances, and of labels with several workers' instances, by the maximum. A decoder for so
few levels needs no count of levels before. Each further level doubles the time to make it; 8 levels take 3 ms."""
MOST_MEMORY = 200_000_000
"""Maximum memory of the values of an answer, a manifest line or a gold file, in bytes, as `memory` estimates it. The
largest realistic line (200,000 keypoints of several workers, with pre-labels and consensus) takes 160 million. The
limit is on memory, not on text: the values of `[]` and `{"":0}` take thirty times the text's size, and those of a long
string with one emoji four times."""
OBJECT_BYTES, LIST_BYTES, VALUE_BYTES = 200, 80, 40
"""Memory of a small dict, of an empty list, and of a number or a short string, in bytes, including the interpreter's
own fields. Measured with Python 3.11 and 3.13. A string also takes one, two or four bytes per character, depending on
its widest character."""
MOST_BYTES = OBJECT_BYTES + 4
"""Maximum memory of the values per character of the text, in bytes."""
OBJECTS_BETWEEN_COLLECTIONS = 500_000
"""Number of new objects after which Python's garbage collector runs where much JSON is parsed: several times those of a
batch of parsed lines or answers, which have no cycles. With 50,000, collections take 3 to 4 % of the time, and with
Python's default, 5 to 8 % more."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')
_PIECE = 100_000  # bytes; bounds the memory of the matches of one call
_NARROW, _UP_TO_2_BYTES = bytes(range(0xC4)), bytes(range(0xF0))
"""UTF-8 bytes of characters that take one byte in memory, and of those that take at most two."""
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_PLAIN = bytes(byte for byte in range(256) if byte not in b'[]{}"')
_UNMARKED = bytes(byte for byte in range(256) if byte not in b"{[,")


class JsonError(ValueError):
    """A text that is not JSON, is nested too deep, or has another type than expected."""


def decode(text: bytes | str, kind: Any = Any, deepest: int = DEEPEST, most_memory: int | None = MOST_MEMORY) -> Any:
    """Return the value of a JSON text.

    Args:
        text: the JSON text; bytes are UTF-8.
        kind: the type to decode into, as msgspec accepts it.
        deepest: maximum number of levels of nesting.
        most_memory: maximum memory of the values in bytes, as `memory` estimates it; None for no limit.

    Raises:
        JsonError: the text cannot be used.
    """
    try:
        plain = text.encode() if isinstance(text, str) else text
        plain = plain.removeprefix(BYTE_ORDER_MARK)
        if most_memory is not None and may_exceed(plain, most_memory) and (size := memory(plain)) > most_memory:
            raise JsonError(f"expected values of at most {most_memory:,} bytes in memory, got about {size:,}")
        if kind is Any and deepest in SHALLOW:
            with suppress(msgspec.ValidationError):
                return _decoder(SHALLOW[deepest]).decode(plain)
        if not plain.startswith(b'"') and is_deeper(plain, deepest):  # a string has no nesting
            raise JsonError(f"expected at most {deepest} levels of nesting, got more")
        return msgspec.json.decode(plain, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise JsonError(str(error)) from error


@cache
def _decoder(levels: int) -> msgspec.json.Decoder[Any]:
    """Return a decoder that refuses values of more levels of nesting."""
    leaf = value = str | int | float | bool | None
    for _ in range(levels):
        value = leaf | list[value] | dict[str, value]  # type: ignore[valid-type]
    return msgspec.json.Decoder(value)


def decode_browsers(text: bytes, deepest: int) -> Any:
    """Return the value of a JSON text that a browser wrote, using Python's own decoder.

    Such a text may hold half a surrogate pair, which other decoders refuse. The text must be UTF-8: Python's decoder
    would also accept UTF-16 and UTF-32, but `is_deeper` cannot measure their nesting.

    Raises:
        JsonError: the text is not JSON in UTF-8, is nested too deep, or holds NaN or a number beyond a float's range.
    """
    plain = text.removeprefix(BYTE_ORDER_MARK)
    if is_deeper(plain, deepest):
        raise JsonError(f"expected at most {deepest} levels of nesting, got more")
    try:
        return json.loads(plain.decode(), parse_constant=_no_constant, parse_float=_finite)
    except ValueError as error:  # UnicodeDecodeError is one
        raise JsonError(str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"expected a number that a float holds, got one of {len(digits)} characters")
    return value


def memory(text: bytes | str) -> int:
    """Return an estimate of the memory of a JSON text's values, in bytes. It is too high rather than too low.

    It counts all characters as if they were in one string, and commas within strings as values.
    """
    plain = text.encode(errors="replace") if isinstance(text, str) else text
    marks = plain.translate(None, _UNMARKED)
    values = OBJECT_BYTES * marks.count(b"{") + LIST_BYTES * marks.count(b"[") + VALUE_BYTES * marks.count(b",")
    return values + len(text) * _width(plain)


def _width(text: bytes) -> int:
    """Return the memory of the text's widest character in bytes: 1, 2 or 4. Escape sequences count as decoded."""
    escapes = b"\\" in text and b"\\u" in text  # the search for one byte takes a tenth of the time
    if text.isascii() and not escapes:
        return 1
    if text.translate(None, _UP_TO_2_BYTES) or b"\\ud" in text or b"\\uD" in text:
        return 4
    return 2 if escapes or text.translate(None, _NARROW) else 1


def may_exceed(text: bytes | str, most: int) -> bool:
    """Return whether `memory(text)` could exceed `most` bytes, judged by the text's length alone."""
    return MOST_BYTES * len(text) > most


def is_deeper(text: bytes, deepest: int) -> bool:
    """Return whether a JSON text is nested deeper than `deepest` levels, in linear time and memory."""
    brackets = text.translate(_BRACKETS, _PLAIN)
    if brackets.count(b"[") <= deepest:
        return False
    if b"\\" in text:  # remove escaped quotes, so that every remaining quote begins or ends a string
        brackets = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_BRACKETS, _PLAIN)
    # Most strings hold no brackets, so only their two quotes are left. Removing those here is ten times as fast as
    # searching for strings.
    brackets = brackets.replace(b'""', b"")
    if b'"' in brackets:
        brackets = _outside_strings(brackets)
    for _ in range(deepest):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    return b"[" in brackets


def _outside_strings(text: bytes) -> bytes:
    """Remove strings from a text without escape sequences, in pieces of bounded size, as each match takes memory."""
    pieces, within = [], False
    for start in range(0, len(text), _PIECE):
        piece = b'"' * within + text[start : start + _PIECE]
        within = piece.count(b'"') % 2 == 1
        pieces.append(_QUOTED.sub(b"", piece))
    return b"".join(pieces)
