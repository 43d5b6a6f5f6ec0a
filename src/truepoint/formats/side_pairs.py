"""Left/right pairs among names of keypoints.

pairsOf() in src/ui/lib/names.js has the same rules. tests/cases/names.json tests both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from truepoint.pose.names import ANY_CASE, SIDE

_FORMS = (*ANY_CASE, "l", "r", "L", "R")
_ANYWHERE = re.compile(f"{'|'.join(ANY_CASE)}|(?<=\\A[a-z])[lr](?![a-z])|(?<=[A-Z])[LR](?![A-Z])|[lr]\\Z")
"""A word for a side anywhere in a name (eyeleft), a letter after a first one (fl_paw, HRpaw), or at the end (earl)."""
_GLUED = re.compile("(?<![a-zA-Z])[lrLR](?=[a-zA-Z])|(?<=[a-z])[LR](?=[a-z])")
"""A letter L or R glued to the word after it: lwing, fLleg1. It may also be the start of a word: lip, leg."""
_CONSONANT = re.compile("[b-df-hj-np-tv-xz]", re.IGNORECASE)
_LEAST_REST = re.compile("[a-z]{3}", re.IGNORECASE)
"""The rest after a glued letter if it starts with a vowel: "eye" and "ear" count, "ip" and "eg" do not."""


def pairs_of(names: Sequence[str]) -> list[int]:
    """Return the index of each name's left/right counterpart, -1 for none."""
    exact = {name: i for i, name in enumerate(names)}
    lower = {name.lower(): i for i, name in enumerate(names)}
    pairs = [-1] * len(names)

    def find(i: int, name: str) -> int:
        j = exact.get(name, lower.get(name.lower(), i))
        return j if j != i and pairs[i] < 0 and pairs[j] < 0 else -1

    def join(i: int, j: int) -> None:
        if j >= 0:
            pairs[i], pairs[j] = j, i

    for i, name in enumerate(names):
        for other in _candidates(name):
            join(i, find(i, other))
    # One pair of glued letters may be a coincidence (lip, rip). A consonant or a second pair makes it certain.
    glued = []
    for i, name in enumerate(names):
        letter = _GLUED.search(name)
        if letter is None:
            continue
        j = find(i, _exchanged(name, letter))
        is_sure = _CONSONANT.match(name, letter.end()) is not None
        if j > i and (is_sure or _LEAST_REST.match(name, letter.end())):
            glued.append((i, j, is_sure))
    for i, j, is_sure in glued:
        if is_sure or len(glued) > 1:
            join(i, j)
    return pairs


def _candidates(name: str) -> list[str]:
    """Return names that the counterpart may have: with all sides exchanged (left_eye_left_corner), or only one."""
    every = SIDE.sub(lambda match: _other(match[0]), name)
    counterparts = [every, *(_exchanged(name, match) for match in SIDE.finditer(name))]
    anywhere = _ANYWHERE.search(name)
    return [*counterparts, _exchanged(name, anywhere)] if anywhere else counterparts


def _exchanged(name: str, match: re.Match[str]) -> str:
    return f"{name[: match.start()]}{_other(match[0])}{name[match.end() :]}"


def _other(word: str) -> str:
    return _FORMS[_FORMS.index(word) ^ 1]
