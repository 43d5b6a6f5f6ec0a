"""The review list: a job's images with the most suspicious instances, and manifest lines for reviewing them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from truepoint.errors.signals import Signal, SignalReader
from truepoint.errors.suspicion import (
    BELOW_QUORUM,
    EMPTY_IMAGE,
    Reason,
    below_quorum,
    empty_image,
    probability,
    reason,
    suspicion,
    workers_reasons,
)
from truepoint.groundtruth.output_line import REVIEWED_NAME, Labeled

VERSION = "1.0"
MOST_IMAGES = 1000
"""Maximum number of images on the list. It is more than one review covers."""
LEAST_SUSPICION = 0.05
"""Minimum suspicion of a listed instance: at this value one instance in twenty has an error."""
MOST_REASONS = 3
"""Maximum number of reasons listed per instance."""
LEAST_REASON = 0.02
"""Minimum probability of a listed reason. Weaker ones would mislead the reviewer."""
LONGEST_LINE = 100_000
"""Maximum length of a line, in bytes. Ground Truth accepts input lines of 100,000 characters."""
LONGEST_SOURCE = 1100
"""Maximum length of a URI, in characters. A bucket's name has at most 63 characters and a key 1,024 bytes."""
LONGEST_NAME = 300
"""Maximum length of an instance's name, in characters."""

REVIEWED_LINE = "reviewed_line"
"""Member of a review's manifest lines: the line's number in the reviewed job's output manifest. Ground Truth copies it
to its output."""

_CONSOLIDATIONS = frozenset({"worker_count", "score", "dispersion", "swaps", "needs_review"})


Witness = Callable[[Labeled, Sequence[Sequence[Signal]]], Sequence[Sequence[Reason]]]
"""A function that adds reasons from a source other than the labels. Its arguments are an image and the signals of each
instance. It returns the reasons for each instance, or an empty list if there are none."""


class SuspiciousInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A suspicious instance.

    `instance` is its index in `updated_annotations`, null for an instance that is not in the result. `reasons` are
    sorted, most probable first.
    """

    instance: int | None
    id: str | None
    name: str
    suspicion: float
    reasons: list[Reason]


class SuspiciousImage(msgspec.Struct, frozen=True, kw_only=True):
    """One line of suspicious.jsonl.

    `suspicion` is that of the most suspicious instance, which comes first. If the line would exceed 100,000 bytes, the
    least suspicious instances are left out.
    """

    version: str
    line: int
    source_ref: str
    suspicion: float
    instances: list[SuspiciousInstance]


class Listed(msgspec.Struct, frozen=True):
    """An image on the review list.

    `suspicious` is its line of suspicious.jsonl. `review` is its line of review.manifest, None if that would be too
    long for Ground Truth.
    """

    suspicious: str
    review: str | None


def suspicious_images(
    images: Sequence[Labeled], reader: SignalReader, witness: Witness | None = None
) -> Iterator[SuspiciousImage | None]:
    """Yield the suspicious instances of each image; None if it has none.

    Args:
        images: the images.
        reader: the reader of signals for the job's norms.
        witness: an additional source of reasons, if there is one.
    """
    sizes = [(a.image_width, a.image_height) for a in (labeled.annotation for labeled in images)]
    of_images = [(width, height) if width and height else None for width, height in sizes]
    instances = [instance for labeled in images for instance in labeled.instances]
    signals = iter(
        reader.signals(instances, [size for size, i in zip(of_images, images, strict=True) for _ in i.instances])
    )
    for labeled in images:
        of_all = list(islice(signals, len(labeled.instances)))
        yield _suspicious_image(labeled, of_all, reader.between(labeled.instances), witness)


def _suspicious_image(
    labeled: Labeled, of_all: Sequence[list[Signal]], duplicates: Mapping[int, Signal], witness: Witness | None
) -> SuspiciousImage | None:
    annotation = labeled.annotation
    others = witness(labeled, of_all) if witness else ()
    entries = []
    for index, (instance, own) in enumerate(zip(labeled.instances, of_all, strict=True)):
        signals = [*own, duplicates[index]] if index in duplicates else own
        needs_review = _texts(annotation.updated_annotations[index].get("needs_review"))
        other_reasons = workers_reasons(needs_review) + (list(others[index]) if others else [])
        suspected = round(suspicion([*map(probability, signals), *(r.probability for r in other_reasons)]), 4)
        if suspected >= LEAST_SUSPICION:  # reasons are built only here, because few instances are listed
            reasons = [reason(s) for s in signals] + other_reasons
            entries.append(_suspicious(index, instance.id, instance.name[:LONGEST_NAME], suspected, reasons))
    for below in annotation.below_quorum:
        entries.append(_suspicious(None, None, "", BELOW_QUORUM, [below_quorum(len(below.worker_ids))]))
    if not labeled.instances and not entries:
        entries.append(_suspicious(None, None, "", EMPTY_IMAGE, [empty_image()]))
    if not entries:
        return None
    instances = sorted(entries, key=lambda f: -f.suspicion)
    return SuspiciousImage(
        version=VERSION,
        line=labeled.line,
        source_ref=labeled.source_ref[:LONGEST_SOURCE],
        suspicion=instances[0].suspicion,
        instances=instances,
    )


def listed(labeled: Labeled, image: SuspiciousImage, images_job: str) -> Listed:
    """Return the image's lines, neither longer than `LONGEST_LINE`.

    Args:
        labeled: the image.
        image: its suspicious instances.
        images_job: the job whose folder contains the images.
    """
    line = msgspec.json.encode(image)
    while len(line) > LONGEST_LINE:
        image = msgspec.structs.replace(image, instances=image.instances[: len(image.instances) // 2])
        line = msgspec.json.encode(image)
    review = _review_line(labeled, image, images_job)
    return Listed(line.decode(), review.decode() if len(review) <= LONGEST_LINE else None)


def _suspicious(
    index: int | None, instance_id: str | None, name: str, suspected: float, reasons: Sequence[Reason]
) -> SuspiciousInstance:
    shown = sorted((r for r in reasons if r.probability >= LEAST_REASON), key=lambda r: -r.probability)[:MOST_REASONS]
    rounded = [msgspec.structs.replace(r, probability=round(r.probability, 4)) for r in shown]
    return SuspiciousInstance(instance=index, id=instance_id, name=name, suspicion=suspected, reasons=rounded)


def _review_line(labeled: Labeled, image: SuspiciousImage, images_job: str) -> bytes:
    """Return a line of an input manifest, with the labels as pre-labels and the reasons as issues for the reviewer."""
    annotation = labeled.annotation
    issues = [
        {"reason": r.message if r.check == "empty_image" else f"{_title(entry)}: {r.message}"}
        for entry in image.instances
        for r in entry.reasons
    ]
    line: dict[str, Any] = {
        "source-ref": labeled.source_ref,
        REVIEWED_LINE: labeled.line,
        REVIEWED_NAME: labeled.path_below(images_job),
    }
    if annotation.image_width and annotation.image_height:
        line |= {"image_width": annotation.image_width, "image_height": annotation.image_height}
    annotations = _plain(annotation.updated_annotations)
    return msgspec.json.encode(line | {"annotations": annotations, "annotation_issues": issues})


def _title(entry: SuspiciousInstance) -> str:
    """Return the title of the instance in the labelling element."""
    if entry.instance is None:
        return "Not in the result"
    return entry.name or f"Instance {entry.instance + 1}"


def _plain(annotations: Sequence[Any]) -> list[Any]:
    """Return the instances without the members that consolidation added. Other members are the workers' own."""
    return [
        {key: value for key, value in instance.items() if key not in _CONSOLIDATIONS}
        | {"annotations": [{k: v for k, v in p.items() if k not in _CONSOLIDATIONS} for p in instance["annotations"]]}
        for instance in annotations
    ]


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
