"""Names of keypoints: which side a name indicates, and which names look alike.

src/ui/lib/names.js has the same rules. tests/cases/names.json tests both.
"""

from __future__ import annotations

import re
import unicodedata

WORDS = (
    *("left", "right", "links", "rechts", "linke", "rechte", "gauche", "droite", "gauche", "droit"),
    *("izquierd", "derech", "sinistr", "destr", "esquerd", "direit"),
)
"""Words for the sides, left and right in turn: English, German and Dutch, French, Spanish, Italian, Portuguese. Endings
are left out: "linke" is also in "linkes"."""
ANY_CASE = (*WORDS, *(word.capitalize() for word in WORDS), *(word.upper() for word in WORDS))
"""The words for the sides in lower case, capitalised, and in capitals, left and right in turn."""
_LEFT = {*ANY_CASE[::2], "l", "L"}
SIDE = re.compile(
    rf"(?:(?<![a-zA-Z])|(?=[A-Z][a-z]))(?:{'|'.join(ANY_CASE)})(?!over|ck)"
    r"|(?:(?<![a-zA-Z])[lrLR]|(?<=[a-z0-9])[LR])(?=[A-Z][a-z]|[^a-zA-Z]|$)"
)
"""The side within a name. It is a word for a side at the start of a word (left_hip, lefteye) or capitalised within a
word (ArmLeftUpper), or the letter l or r alone (l_eye, eye.L) or set apart by a change of case (LEye, lSho, eyeL,
wingL1). "leftover" and "Rechteck" (a rectangle) indicate no side."""

_SPACES = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000]+")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""Unicode's default-ignorable, control and format characters."""


def side_of(name: str) -> str:
    """Return the side that a name indicates, "left" or "right"; "" if it indicates none."""
    match = SIDE.search(name)
    return "" if not match else "left" if match[0] in _LEFT else "right"


def is_left_of(name: str, other: str) -> bool:
    """Return whether `name` is the left one of a pair of names.

    If both names indicate the same side or none, return True, unless the first letters that differ are r in `name`
    and l in `other`.
    """
    side, opposite = side_of(name), side_of(other)
    if side != opposite:
        return side != "right" and opposite != "left"
    letters = next(((a, b) for a, b in zip(name.lower(), other.lower(), strict=False) if a != b), None)
    return letters != ("r", "l")


def name_key(name: str) -> str:
    """Return a key that is equal for names that differ only in case, spaces or invisible characters.

    The key of a name without any visible character is "".
    """
    visible = _SPACES.sub(" ", _UNSEEN.sub("", name)).strip(" ")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", visible).upper().lower())
