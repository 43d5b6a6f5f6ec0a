"""Changes: what workers made of the pre-labels they were shown, keypoint by keypoint.

How often a keypoint was accepted, and how far the pre-labels were off, tells of the model that made them. It flatters
the model: who is shown a place tends to leave it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from keypoints.instance import Instance, InstanceError, Keypoint, parse_instances
from keypoints.outcome import Labeled
from keypoints.similarity import area, symmetric_oks
from keypoints.skeleton import Skeleton

UNTOUCHED = 0.5
"""Pixels. The original component rounds every coordinate, touched or not."""
LEAST_SIMILARITY = 0.1
"""Below it two instances are not the same subject (Ronchi and Perona 2017, localisation threshold)."""
EXCHANGED = 0.25
"""A keypoint is exchanged with its pair if it is nearer to where that was than this share of the way it moved."""

Change = Literal["unchanged", "moved", "added", "deleted", "visibility_changed", "side_swapped"]


class KeypointChanges(msgspec.Struct, frozen=True, kw_only=True):
    """One keypoint over all images with pre-labels, those of added and deleted instances included. `acceptance` is the
    share of pre-labels that stayed `unchanged`; `nme` the mean distance moved over the square root of the area."""

    name: str
    unchanged: int
    moved: int
    visibility_changed: int
    side_swapped: int
    added: int
    deleted: int
    acceptance: float | None
    nme: float | None


class PreLabelQuality(msgspec.Struct, frozen=True, kw_only=True):
    """All images that had pre-labels. `edit_distance` is, per pre-labelled instance that was kept, the sum over its
    keypoints of the distance moved over the square root of the area, and of one for each added or deleted."""

    images: int
    instances: int
    instances_unchanged: int
    instances_deleted: int
    instances_added: int
    edit_distance: float | None
    keypoints: list[KeypointChanges]


class ChangeMeter:
    """Takes a job's images one by one. Memory: a few numbers a keypoint."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._names = skeleton.keypoint_names
        self._sigmas = dict(zip(self._names, skeleton.sigmas, strict=True))
        self._pairs = {k.name: k.pair for k in skeleton.keypoints if k.pair}
        self._count: Counter[str] = Counter()
        self._changes: Counter[tuple[str, Change]] = Counter()
        self._errors: dict[str, float] = {}
        self._compared: Counter[str] = Counter()
        self._edits = 0.0

    def add(self, labeled: Labeled) -> None:
        """Compare one image's labels with its pre-labels; without any, or with unusable ones, it does not count."""
        try:
            before = parse_instances(labeled.annotation.original_annotations)
        except InstanceError:
            return
        if not before:
            return
        self._count["images"] += 1
        self._count["instances"] += len(before)
        matched = match_instances(before, labeled.instances, self._sigmas)
        for place, instance in enumerate(before):
            if place in matched:
                self._compare(instance, labeled.instances[matched[place]])
            else:
                self._count["deleted"] += 1
                self._changes.update((k.label, "deleted") for k in instance.annotations)
        kept = set(matched.values())
        for place, instance in enumerate(labeled.instances):
            if place not in kept:
                self._count["added"] += 1
                self._changes.update((k.label, "added") for k in instance.annotations)

    def quality(self) -> PreLabelQuality | None:
        """Over all images so far; None if none had pre-labels."""
        count = self._count
        if not count["images"]:
            return None
        kept = count["instances"] - count["deleted"]
        return PreLabelQuality(
            images=count["images"],
            instances=count["instances"],
            instances_unchanged=count["unchanged"],
            instances_deleted=count["deleted"],
            instances_added=count["added"],
            edit_distance=self._edits / kept if kept else None,
            keypoints=[self._keypoint(name) for name in self._names],
        )

    def _compare(self, before: Instance, after: Instance) -> None:
        changes = keypoint_changes(before, after, self._pairs)
        old, new = before.by_label, after.by_label
        s = math.sqrt(area(after)[0])
        for label, change in changes.items():
            self._changes[label, change] += 1
            if change in ("added", "deleted"):
                self._edits += 1
                continue
            moved = _distance(old[label], new[label]) / s
            self._errors[label] = self._errors.get(label, 0.0) + moved
            self._compared[label] += 1
            if change in ("moved", "side_swapped"):
                self._edits += moved
        self._count["unchanged"] += all(change == "unchanged" for change in changes.values())

    def _keypoint(self, name: str) -> KeypointChanges:
        def n(change: Change) -> int:
            return self._changes[name, change]

        shown = n("unchanged") + n("moved") + n("visibility_changed") + n("side_swapped") + n("deleted")
        compared = self._compared[name]
        return KeypointChanges(
            name=name,
            unchanged=n("unchanged"),
            moved=n("moved"),
            visibility_changed=n("visibility_changed"),
            side_swapped=n("side_swapped"),
            added=n("added"),
            deleted=n("deleted"),
            acceptance=n("unchanged") / shown if shown else None,
            nme=self._errors[name] / compared if compared else None,
        )


def match_instances(
    before: Sequence[Instance], after: Sequence[Instance], sigmas: Mapping[str, float]
) -> dict[int, int]:
    """By place in `before`, the place in `after` of the same subject: the same id, else the most alike first.

    A pre-label without an id has the one that the labelling element gives it, from its place in the list.
    """
    places = {instance.id: place for place, instance in reversed(list(enumerate(after))) if instance.id}
    matched: dict[int, int] = {}
    for place, instance in enumerate(before):
        found = places.pop(instance.id or f"p{place}", None)
        if found is not None:
            matched[place] = found
    taken = set(matched.values())
    alike = [
        (-oks, i, j)
        for i, a in enumerate(before)
        if i not in matched
        for j, b in enumerate(after)
        if j not in taken and (oks := symmetric_oks(a, b, sigmas)) >= LEAST_SIMILARITY
    ]
    for _, i, j in sorted(alike):
        if i not in matched and j not in taken:
            matched[i] = j
            taken.add(j)
    return matched


def keypoint_changes(before: Instance, after: Instance, pairs: Mapping[str, str]) -> dict[str, Change]:
    """What became of each keypoint of one instance, by name; each is one thing, the gravest."""
    old, new = before.by_label, after.by_label
    changes: dict[str, Change] = {label: "deleted" for label in old if label not in new}
    changes |= {label: "added" for label in new if label not in old}
    for label in old.keys() & new.keys():
        if _distance(old[label], new[label]) <= UNTOUCHED:
            same = old[label].visibility == new[label].visibility
            changes[label] = "unchanged" if same else "visibility_changed"
        else:
            other = pairs.get(label)
            both = other is not None and _takes_place(old, new, label, other) and _takes_place(old, new, other, label)
            changes[label] = "side_swapped" if both else "moved"
    return changes


def _takes_place(old: Mapping[str, Keypoint], new: Mapping[str, Keypoint], label: str, other: str) -> bool:
    """Whether a keypoint is now about where the other one was."""
    if not {label, other} <= old.keys() & new.keys():
        return False
    return _distance(new[label], old[other]) < EXCHANGED * _distance(new[label], old[label])


def _distance(p: Keypoint, q: Keypoint) -> float:
    return math.hypot(p.x - q.x, p.y - q.y)
