"""JSON text from outside: decoded with bounds on its nesting and on its size in memory, a byte order mark passed over.

A decoder that meets text nested some hundred to a thousand levels deep runs out of stack: how deep exactly depends on
the interpreter and on the caller, and what was read may fail when it is written. Therefore nesting is bounded far below
that wherever text enters. Honest instances have four levels.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

DEEPEST = 32
"""Levels of an answer, a pre-label, a skeleton or a gold file."""
DEEPEST_DOCUMENT = 64
"""Levels of a document that encloses answers: a manifest line, a label, an event, a consolidation request."""
MOST_MEMORY = 200_000_000
"""Bytes of memory that the values of an answer, a manifest line or a gold file may take, as `memory` estimates them.
The largest honest line, 200,000 keypoints of several workers with pre-labels and their consensus, takes 160 million.
Text of `[]` and `{"":0}` takes thirty times its own size, a long text with one emoji four times."""
OBJECT_BYTES, LIST_BYTES, VALUE_BYTES = 200, 80, 40
"""Memory of a small dict and of an empty list with what the interpreter keeps of each, and of a number or a short text.
Measured with Python 3.11 and 3.13. Texts take one, two or four bytes a character more, by their widest character."""
MOST_BYTES = OBJECT_BYTES + 4
"""Memory that one character of a text stands for at most."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)'
_QUOTED = re.compile(rb'"[^"]*(?:"|\Z)')
_PIECE = 100_000
_TOKENS = re.compile(_STRING + rb"|[\[{\]}]", re.DOTALL)
_NARROW, _UP_TO_2_BYTES = bytes(range(0xC4)), bytes(range(0xF0))
"""Bytes of UTF-8 whose characters take one byte in memory, and at most two."""
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_PLAIN = bytes(byte for byte in range(256) if byte not in b'[]{}"')


class JsonError(ValueError):
    """Text that is no JSON, nested too deep, or not of the expected type; says expected and got."""


def decode(text: bytes | str, kind: Any = Any, deepest: int = DEEPEST, most_memory: int | None = MOST_MEMORY) -> Any:
    """Return the value of a JSON text.

    Args:
        text: UTF-8 if bytes.
        kind: the type to decode into, as msgspec takes it.
        deepest: levels of nesting at most.
        most_memory: bytes that the values may take in memory, by `memory`; None for text that its owner reads.

    Raises:
        JsonError: the text cannot be used.
    """
    try:
        plain = text.encode() if isinstance(text, str) else text
        plain = plain.removeprefix(BYTE_ORDER_MARK)
        if not plain.startswith(b'"') and is_deeper(plain, deepest):  # a string has no levels
            raise JsonError(f"expected at most {deepest} levels of nesting, got more")
        if most_memory is not None and may_exceed(plain, most_memory) and (size := memory(plain)) > most_memory:
            raise JsonError(f"expected values of at most {most_memory:,} bytes in memory, got some {size:,}")
        return msgspec.json.decode(plain, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise JsonError(str(error)) from error


def decode_browsers(text: bytes, deepest: int) -> Any:
    """Return the value of a JSON text that a browser made, read by Python's decoder.

    Such a text may hold half a surrogate pair, which other decoders refuse. Only UTF-8 counts: Python would also
    recognise UTF-16 and UTF-32, whose nesting `is_deeper` does not see.

    Raises:
        JsonError: the text is no JSON in UTF-8, nested too deep, or holds NaN or a number that is no finite float.
    """
    plain = text.removeprefix(BYTE_ORDER_MARK)
    if is_deeper(plain, deepest):
        raise JsonError(f"expected at most {deepest} levels of nesting, got more")
    try:
        return json.loads(plain.decode(), parse_constant=_no_constant, parse_float=_finite)
    except ValueError as error:  # of the encoding, too
        raise JsonError(str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"expected a number that a float holds, got one of {len(digits)} characters")
    return value


def decode_members(text: bytes | str) -> Any:
    """Return what `decode` returns of a JSON text: faster for an object with long strings, like an answer's.

    The decoder itself separates the members, and only those that are no strings are searched for brackets. Each member
    may have `DEEPEST` levels.
    """
    try:
        members = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return decode(text)
    if may_exceed(text, MOST_MEMORY) and memory(text) > MOST_MEMORY:
        return decode(text)
    return {name: decode(bytes(value), most_memory=None) for name, value in members.items()}


def memory(text: bytes | str) -> int:
    """Return about how many bytes the values of a JSON text take in memory: rather too many than too few.

    All characters count as if they were in one string, and commas within strings as values.
    """
    if isinstance(text, str):
        values = OBJECT_BYTES * text.count("{") + LIST_BYTES * text.count("[") + VALUE_BYTES * text.count(",")
        plain = text.isascii() and "\\u" not in text
        return values + len(text) * (1 if plain else _width(text.encode(errors="replace")))
    values = OBJECT_BYTES * text.count(b"{") + LIST_BYTES * text.count(b"[") + VALUE_BYTES * text.count(b",")
    return values + len(text) * _width(text)


def _width(text: bytes) -> int:
    """Return how many bytes a character takes in memory at most; escape sequences count as what they stand for."""
    escapes = b"\\u" in text
    if text.isascii() and not escapes:
        return 1
    if text.translate(None, _UP_TO_2_BYTES) or b"\\ud" in text or b"\\uD" in text:
        return 4
    return 2 if escapes or text.translate(None, _NARROW) else 1


def may_exceed(text: bytes | str, most: int) -> bool:
    """Return whether `memory` of a text may be more than so many bytes, from the text's length alone."""
    return MOST_BYTES * len(text) > most


def is_deeper(text: bytes, deepest: int) -> bool:
    """Return whether a JSON text is nested deeper than `deepest` levels, in linear time and memory."""
    brackets = text.translate(_BRACKETS, _PLAIN)
    if brackets.count(b"[") <= deepest:
        return False
    if b"\\" in text:  # then only quotes that begin or end a string are left
        brackets = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_BRACKETS, _PLAIN)
    # Most strings hold no brackets. They leave two quotes each here, which is ten times as fast.
    brackets = brackets.replace(b'""', b"")
    if b'"' in brackets:
        brackets = _outside_strings(brackets)
    for _ in range(deepest):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")  # the innermost level
    return b"[" in brackets


def _outside_strings(text: bytes) -> bytes:
    """Remove strings from a text without escape sequences, piece by piece: each match of a pattern takes memory."""
    pieces, within = [], False
    for start in range(0, len(text), _PIECE):
        piece = b'"' * within + text[start : start + _PIECE]
        within = piece.count(b'"') % 2 == 1
        pieces.append(_QUOTED.sub(b"", piece))
    return b"".join(pieces)


def pruned(text: bytes, level: int, deepest: int) -> bytes:
    """Return the text with each array or object at `level`, from 1, replaced if it reaches deeper than `deepest`.

    A text takes its place that holds JSON nested too deep, so that whoever reads the value refuses it for that reason.
    """
    if not is_deeper(text, deepest):
        return text
    pieces, kept_to, depth, start, too_deep = [], 0, 0, 0, False
    for token in _TOKENS.finditer(text):
        match token[0]:
            case b"[" | b"{":
                depth += 1
                if depth == level:
                    start, too_deep = token.start(), False
                too_deep |= depth > deepest
            case b"]" | b"}":
                if depth == level and too_deep:
                    pieces += [text[kept_to:start], msgspec.json.encode("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1))]
                    kept_to = token.end()
                depth -= 1
    return b"".join([*pieces, text[kept_to:]])
