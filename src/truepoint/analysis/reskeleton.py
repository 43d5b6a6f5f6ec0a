"""Mapping of labels to another skeleton, with counts of what is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from truepoint.analysis.label_files import Entry, EntryReader, LabelSet
from truepoint.formats.labels import Category, FormatError, parse_json, shown
from truepoint.formats.names import map_keypoints
from truepoint.jobs.prelabels import Choices
from truepoint.pose.instance import OCCLUDED, VISIBLE, parse_instances
from truepoint.pose.skeleton import Skeleton
from truepoint.results.coco import annotation_entry, attributes_of, coco_file, image_entry

Rules = Mapping[str, tuple[str, ...]]
"""For each new keypoint, the old keypoints from which it is derived. One is renamed; several are averaged."""


@dataclass
class Losses:
    """Losses of the new labels compared with the old ones.

    Attributes:
        dropped: counts of labelled keypoints that no rule uses, by name.
        not_derived: counts of keypoints that could not be derived because only some of their sources are labelled, by
            name.
        never_filled: keypoints of the new skeleton without a rule.
        instances: number of instances with neither a keypoint nor a box left.
        scores: number of scores of instances and keypoints, which COCO annotations do not have.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    not_derived: Counter[str] = field(default_factory=Counter)
    never_filled: tuple[str, ...] = ()
    instances: int = 0
    scores: int = 0

    def lines(self) -> Iterator[str]:
        """Yield a sentence for each loss."""
        for name, count in sorted(self.dropped.items()):
            yield f"lost: {count} labelled keypoints {name!r}: the new skeleton does not have them"
        for name, count in sorted(self.not_derived.items()):
            yield f"lost: {count} keypoints {name!r} were not derived: only some of their sources are labelled"
        if self.never_filled:
            yield f"never labelled: {', '.join(self.never_filled)}: no keypoint of the labels maps to these"
        if self.instances:
            yield f"lost: {self.instances} instances that have neither a remaining keypoint nor a box"


def read_rules(path: Path | None, old: Skeleton, new: Skeleton) -> Rules:
    """Return the rules for the keypoints of the new skeleton.

    Names that are equal, or differ only in spelling ("LEye", "left_eye"), need no entry in the file.

    Args:
        path: a JSON file {name in the new skeleton: old name, list of old names to average, or null}; None for no file.
        old: the skeleton of the labels.
        new: the new skeleton.

    Raises:
        FormatError: the file has another shape, or names a keypoint that a skeleton lacks.
    """
    rules = {target: (source,) for source, target in map_keypoints(Category("", old.keypoint_names), new, None).items()}
    document = parse_json(path.read_bytes(), str(path)) if path else {}
    if not isinstance(document, dict):
        raise FormatError(
            f"{path}: expected a JSON object {{new name: old name, list of old names or null}}, got a list"
        )
    for target, given in document.items():
        sources = [given] if isinstance(given, str) else given or []
        if target not in new.keypoint_names:
            raise FormatError(
                f"{path}: expected names of the new skeleton ({shown(new.keypoint_names)}), got {target!r}"
            )
        if not isinstance(sources, list) or not all(isinstance(s, str) for s in sources):
            raise FormatError(f"{path}: {target!r}: expected an old name, a list of old names or null, got {given!r}")
        if unknown := [s for s in sources if s not in old.keypoint_names]:
            raise FormatError(
                f"{path}: {target!r}: expected names of the labels ({shown(old.keypoint_names)}), got {unknown[0]!r}"
            )
        rules.pop(target, None)
        if sources:
            rules[target] = tuple(dict.fromkeys(sources))
    if not rules:
        raise FormatError(
            f"expected a keypoint of {new.name!r} that maps from the labels ({shown(old.keypoint_names)}), got none; "
            "give the mapping in --keypoints"
        )
    return {name: rules[name] for name in new.keypoint_names if name in rules}


def mapped(instance: Mapping[str, Any], rules: Rules, losses: Losses) -> dict[str, Any]:
    """Return an instance mapped to the new skeleton. A derived keypoint is visible if all of its sources are."""
    old = {point["label"]: point for point in instance["annotations"]}
    used = {source for sources in rules.values() for source in sources}
    losses.dropped.update(name for name in old if name not in used)
    points = []
    for name, sources in rules.items():
        there = [old[source] for source in sources if source in old]
        if len(there) < len(sources):
            if there:
                losses.not_derived[name] += 1
        elif len(there) == 1:
            points.append(there[0] | {"label": name})
        else:
            middle = {axis: sum(point[axis] for point in there) / len(there) for axis in ("x", "y")}
            hidden = any(point.get("visibility", VISIBLE) == OCCLUDED for point in there)
            points.append({"label": name, **middle, "visibility": OCCLUDED if hidden else VISIBLE})
    return {**instance, "annotations": points}


def write_coco(
    labels: LabelSet, new: Skeleton, rules: Rules | None, chosen: Choices, name: str
) -> tuple[Iterator[bytes], Losses, list[str]]:
    """Return labels as a COCO file in pieces, the losses, and the notes of reading.

    Args:
        labels: the labels.
        new: the skeleton of the COCO file.
        rules: how keypoints are mapped; None to keep them.
        chosen: how labels are read.
        name: the name of the data set, for the file's description.

    Raises:
        FormatError, PrelabelError: a label cannot be read.
    """
    losses = Losses(never_filled=tuple(n for n in new.keypoint_names if rules is not None and n not in rules))
    reader = EntryReader(labels.files, chosen)
    named = len(labels.raters) > 1 or any(file.raters for file in labels.files)
    images: list[bytes] = []
    annotations: list[bytes] = []
    for entry in labels.entries():
        by_rater = reader.instances(entry)
        listed = image_entry(entry.line + 1, entry.name, (entry.width, entry.height), entry.s3_uri or entry.name)
        images.append(_line(listed | ({"rater_list": sorted(by_rater)} if named else {})))
        for rater, instances in sorted(by_rater.items()):
            kept = [mapped(instance, rules, losses) if rules is not None else instance for instance in instances]
            annotations += _annotations(kept, entry, new, {"rater_id": rater} if named else {}, losses)
    notes = reader.report()
    if losses.scores:
        notes.append(f"note: {losses.scores} scores left out: COCO annotations have none")
    return coco_file(new, name, images, annotations), losses, notes


def _annotations(
    instances: Sequence[Mapping[str, Any]], entry: Entry, skeleton: Skeleton, more: dict[str, str], losses: Losses
) -> Iterable[bytes]:
    index = skeleton.keypoint_index
    for instance, raw in zip(parse_instances(list(instances)), instances, strict=True):
        annotation = annotation_entry(index, entry.line + 1, instance)
        if annotation is None:
            losses.instances += 1
            continue
        attributes = attributes_of(instance, raw)
        losses.scores += "score" in raw and "score" not in attributes["attributes"]
        losses.scores += sum("score" in point for point in raw["annotations"])
        yield _line(annotation | attributes | more)


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"
