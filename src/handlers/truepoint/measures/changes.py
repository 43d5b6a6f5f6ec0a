"""Changes: how workers changed the pre-labels that they were shown, keypoint by keypoint.

The share of accepted pre-labels and the distances moved measure the model that made the pre-labels. They overestimate
the model, because workers tend to leave a keypoint where it is shown (anchoring).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from truepoint.consensus.same_subjects import match_instances
from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.instance import Instance, InstanceError, Keypoint, distance, parse_instances
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import area
from truepoint.pose.skeleton import Skeleton
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.statistic import Statistic

UNTOUCHED = 0.5
"""Maximum distance of an unchanged keypoint from its pre-label, in pixels. The original component rounds every
coordinate, touched or not."""
EXCHANGED = 0.25
"""Maximum distance of an exchanged keypoint from its pair's old position, relative to the distance it moved."""

Change = Literal["unchanged", "moved", "added", "deleted", "visibility_changed", "side_swapped"]


class KeypointChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The changes of one keypoint in all images with pre-labels, including those of added and deleted instances.

    `acceptance` is the share of pre-labels that stayed `unchanged`. `nme` (normalised mean error) is the mean distance
    moved, divided by the square root of the area.
    """

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
    """The changes in all images with pre-labels.

    `edit_distance` is a mean over the pre-labelled instances that were kept. An instance's edit distance is the sum
    over its keypoints of the distance moved, divided by the square root of the area, plus 1 for each keypoint added or
    deleted.
    """

    images: int
    instances: int
    instances_unchanged: int
    instances_deleted: int
    instances_added: int
    edit_distance: float | None
    keypoints: list[KeypointChanges]


class KeypointMeter(Statistic):
    """Statistics of one keypoint's changes and of the distances it moved."""

    changes: dict[Change, int] = msgspec.field(default_factory=dict)
    moved: ExactSum = msgspec.field(default_factory=ExactSum)


class ChangeMeter(Statistic):
    """Statistics of a job's changes of pre-labels. Memory: a few numbers per keypoint of the skeleton."""

    keypoints: dict[str, KeypointMeter]
    images: int = 0
    instances: int = 0
    unchanged: int = 0
    deleted: int = 0
    added: int = 0
    edits: ExactSum = msgspec.field(default_factory=ExactSum)

    @classmethod
    def of(cls, skeleton: Skeleton) -> ChangeMeter:
        """Return empty statistics for the skeleton's keypoints."""
        return cls({name: KeypointMeter() for name in skeleton.keypoint_names})

    def add(self, labeled: Labeled, table: SigmaTable) -> None:
        """Compare one image's labels with its pre-labels. An image without usable pre-labels does not count.

        Neither does an image with a seeded error, because it says nothing about the model.
        """
        if any(worker.anchoring and worker.anchoring.kind for worker in labeled.annotation.workers):
            return
        try:
            before = parse_instances(labeled.annotation.original_annotations)
        except InstanceError:
            return
        if not before:
            return
        self.images += 1
        self.instances += len(before)
        matched = match_instances(before, labeled.instances, table.sigmas)
        for index, instance in enumerate(before):
            if index in matched:
                self._compare(instance, labeled.instances[matched[index]], table.pairs)
            else:
                self.deleted += 1
                self._count(dict.fromkeys(instance.by_label, "deleted"))
        kept = set(matched.values())
        for index, instance in enumerate(labeled.instances):
            if index not in kept:
                self.added += 1
                self._count(dict.fromkeys(instance.by_label, "added"))

    def quality(self) -> PreLabelQuality | None:
        """Return the changes over all images so far; None if none had pre-labels."""
        if not self.images:
            return None
        kept = self.instances - self.deleted
        return PreLabelQuality(
            images=self.images,
            instances=self.instances,
            instances_unchanged=self.unchanged,
            instances_deleted=self.deleted,
            instances_added=self.added,
            edit_distance=self.edits.value / kept if kept else None,
            keypoints=[_changes(name, meter) for name, meter in self.keypoints.items()],
        )

    def _count(self, changes: Mapping[str, Change]) -> None:
        for label, change in changes.items():
            if label in self.keypoints:
                count = self.keypoints[label].changes
                count[change] = count.get(change, 0) + 1

    def _compare(self, before: Instance, after: Instance, pairs: Mapping[str, str]) -> None:
        changes = keypoint_changes(before, after, pairs)
        self._count(changes)
        old, new = before.by_label, after.by_label
        s = math.sqrt(area(after)[0])
        for label, change in changes.items():
            if change in ("added", "deleted"):
                self.edits.add(1)
                continue
            moved = distance(old[label], new[label]) / s
            if label in self.keypoints:
                self.keypoints[label].moved.add(moved)
            if change in ("moved", "side_swapped"):
                self.edits.add(moved)
        self.unchanged += all(change == "unchanged" for change in changes.values())


def _changes(name: str, meter: KeypointMeter) -> KeypointChanges:
    n = dict.fromkeys(get_args(Change), 0) | meter.changes
    shown = n["unchanged"] + n["moved"] + n["visibility_changed"] + n["side_swapped"] + n["deleted"]
    acceptance = n["unchanged"] / shown if shown else None
    return KeypointChanges(name=name, **n, acceptance=acceptance, nme=meter.moved.mean)


def keypoint_changes(before: Instance, after: Instance, pairs: Mapping[str, str]) -> dict[str, Change]:
    """Return the change of each keypoint of one instance, by name.

    A keypoint that moved counts as `moved` or `side_swapped` even if its visibility changed too.
    """
    old, new = before.by_label, after.by_label
    changes: dict[str, Change] = {label: "deleted" for label in old if label not in new}
    changes |= {label: "added" for label in new if label not in old}
    for label in old.keys() & new.keys():
        if distance(old[label], new[label]) <= UNTOUCHED:
            same = old[label].visibility == new[label].visibility
            changes[label] = "unchanged" if same else "visibility_changed"
        else:
            other = pairs.get(label)
            both = other is not None and _takes_place(old, new, label, other) and _takes_place(old, new, other, label)
            changes[label] = "side_swapped" if both else "moved"
    return changes


def _takes_place(old: Mapping[str, Keypoint], new: Mapping[str, Keypoint], label: str, other: str) -> bool:
    """Return whether the keypoint `label` is now near the old position of `other`."""
    if not {label, other} <= old.keys() & new.keys():
        return False
    return distance(new[label], old[other]) < EXCHANGED * distance(new[label], old[label])
