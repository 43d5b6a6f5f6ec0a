"""JSON text from outside: decoded with a bound on its nesting, and with a byte order mark passed over.

A decoder that meets text nested some hundred to a thousand levels deep runs out of stack: how deep exactly depends on
the interpreter and on the caller, and what was read may fail when it is written. Therefore nesting is bounded far below
that wherever text enters. Honest instances have four levels.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

import msgspec

DEEPEST = 32
"""Levels of an answer, a pre-label, a skeleton or a gold file."""
DEEPEST_DOCUMENT = 64
"""Levels of a document that encloses answers: a manifest line, a label, an event, a consolidation request."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\Z)'
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKENS = re.compile(_STRING + rb"|[\[{\]}]", re.DOTALL)
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_STEPS = bytes.maketrans(b"[]", b"\x01\xff")  # as signed bytes: a level down, a level up
_PLAIN = bytes(byte for byte in range(256) if byte not in b'[]{}"\\')


class JsonError(ValueError):
    """Text that is no JSON, nested too deep, or not of the expected type; says expected and got."""


def decode(text: bytes | str, kind: Any = Any, deepest: int = DEEPEST) -> Any:
    """Return the value of a JSON text.

    Args:
        text: UTF-8 if bytes.
        kind: the type to decode into, as msgspec takes it.
        deepest: levels of nesting at most.

    Raises:
        JsonError: the text cannot be used.
    """
    try:
        plain = text.encode() if isinstance(text, str) else text
        plain = plain.removeprefix(BYTE_ORDER_MARK)
        if is_deeper(plain, deepest):
            raise JsonError(f"expected at most {deepest} levels of nesting, got more")
        return msgspec.json.decode(plain, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise JsonError(str(error)) from error


def is_deeper(text: bytes, deepest: int) -> bool:
    """Whether a JSON text is nested deeper than so many levels. Takes linear time, whatever the text."""
    if text.count(b"[") + text.count(b"{") <= deepest:
        return False
    # Most strings hold neither brackets nor escapes. They leave two quotes each here, which is ten times as fast.
    brackets = text.translate(_BRACKETS, _PLAIN)
    if b"\\" in brackets or b'"' in (brackets := brackets.replace(b'""', b"")):
        brackets = _STRINGS.sub(b"", text).translate(_BRACKETS, _PLAIN + b'"\\')
    return max(accumulate(memoryview(brackets.translate(_STEPS)).cast("b")), default=0) > deepest


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
