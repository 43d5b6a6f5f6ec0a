"""Matching of instances before and after an edit: which of them show the same subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from truepoint.consensus.matching import LEAST_SIMILARITY, MOST_OVERLAPS
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import symmetric_oks


def match_instances(
    before: Sequence[Instance], after: Sequence[Instance], sigmas: Mapping[str, float]
) -> dict[int, int]:
    """Match instances before and after an edit.

    Instances with equal ids are matched first, then the most similar ones. A pre-label without an id counts as having
    the id that the labelling element derives from its index. With more than `MOST_OVERLAPS` pairs only ids are used,
    which limits the time for a hostile answer.

    Args:
        before: the instances before the edit.
        after: the instances after the edit.
        sigmas: the skeleton's sigmas.

    Returns:
        Index in `before` to index in `after`, for each subject that is in both.
    """
    places = {instance.id: place for place, instance in reversed(list(enumerate(after))) if instance.id}
    matched: dict[int, int] = {}
    for place, instance in enumerate(before):
        index = places.pop(instance.id or f"p{place}", None)
        if index is not None:
            matched[place] = index
    taken = set(matched.values())
    rest = [(i, instance) for i, instance in enumerate(before) if i not in matched]
    others = [(j, instance) for j, instance in enumerate(after) if j not in taken]
    if len(rest) * len(others) > MOST_OVERLAPS:
        return matched
    alike = [
        (-oks, i, j) for i, a in rest for j, b in others if (oks := symmetric_oks(a, b, sigmas)) >= LEAST_SIMILARITY
    ]
    for _, i, j in sorted(alike):
        if i not in matched and j not in taken:
            matched[i] = j
            taken.add(j)
    return matched
