"""Names of keypoints: which side they tell, and which two look alike.

src/ui/lib/names.js has the same rules; tests/cases/names.json binds both.
"""

from __future__ import annotations

import re
import unicodedata

_WORD = "left|right|Left|Right|LEFT|RIGHT"
_SIDE = re.compile(
    rf"(?<![a-zA-Z])(?:{_WORD})|(?:Left|Right)(?![a-z])"
    r"|(?<![a-zA-Z])[lrLR](?![a-zA-Z])|(?<![a-zA-Z])[lrLR](?=[A-Z][a-z])"
    r"|(?<=[a-z0-9])[LR](?![a-zA-Z])|(?<=[a-z0-9])[LR](?=[A-Z][a-z])"
)
"""A word at the start of a word (left_hip, lefteye), a capitalised one in or at the end of a word (ArmLeftUpper), a
letter of its own (l_eye, eye.L), or one that a change of case sets apart (LEye, lSho, eyeL, wingL1)."""

_SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]+")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's default-ignorable, control and format characters."""


def side_of(name: str) -> str:
    """Return "left" or "right" as a name tells it, or "" for a name that tells no side."""
    match = _SIDE.search(name)
    return "" if not match else "left" if match[0][0] in "lL" else "right"


def is_left_of(name: str, other: str) -> bool:
    """Return whether the first of a pair's two names is the left one; so it is if neither name tells a side."""
    side, opposite = side_of(name), side_of(other)
    if side != opposite:
        return side != "right" and opposite != "left"
    letters = next(((a, b) for a, b in zip(name.lower(), other.lower(), strict=False) if a != b), None)
    return letters != ("r", "l")


def name_key(name: str) -> str:
    """Return the same text for names that differ only in case or in characters that nobody sees.

    Returns:
        "" for a name without any character that can be seen.
    """
    visible = _SPACES.sub(" ", _UNSEEN.sub("", name)).strip(" ")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).upper().lower())
