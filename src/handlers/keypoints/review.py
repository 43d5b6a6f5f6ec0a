"""Review: the images with the most suspicious instances of a job, and the manifest of a job that looks at them again.

Suspicion needs the norms of the whole job, so images are kept in a scratch file until all are known. Memory is that of
the norms' sample and of the images on the list.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from keypoints.anatomy import Anatomy
from keypoints.instance import parse_instances
from keypoints.norms import measure
from keypoints.outcome import Labeled
from keypoints.sample import InstanceSample
from keypoints.signals import SignalReader
from keypoints.skeleton import Skeleton
from keypoints.suspicion import Reason, below_quorum, reason, suspicion, workers_reasons

VERSION = "1.0"
MOST_IMAGES = 1000
"""On the list: more than a review would take up at a time."""
LEAST_SUSPICION = 0.05
"""An instance below it is not on the list: one in twenty of those at the limit has an error."""
MOST_REASONS = 3
LEAST_REASON = 0.02
"""A weaker reason is not told: it would send a person after nothing."""

REVIEWED_LINE = "reviewed_line"
"""In the review's manifests: the line of the first job's output manifest. It passes through Ground Truth untouched."""

_CONSOLIDATIONS = frozenset({"worker_count", "score", "dispersion", "swaps", "needs_review"})
_LENGTH = struct.Struct("<I")


class SuspiciousInstance(msgspec.Struct, frozen=True, kw_only=True):
    """One instance. `instance` is its place in `updated_annotations`, null for one that is not in the result; `reasons`
    are the likeliest first."""

    instance: int | None
    id: str | None
    name: str
    suspicion: float
    reasons: list[Reason]


class SuspiciousImage(msgspec.Struct, frozen=True, kw_only=True):
    """One line of suspicious.jsonl. `suspicion` is that of its most suspicious instance, which comes first."""

    version: str
    line: int
    source_ref: str
    suspicion: float
    instances: list[SuspiciousInstance]


class _Image(msgspec.Struct, frozen=True, array_like=True):
    """An image in the scratch file. `below` has the number of workers of each instance below quorum."""

    line: int
    source_ref: str
    width: int | None
    height: int | None
    annotations: list[Any]
    below: list[int]


class ReviewList:
    """Takes a job's images and ranks them."""

    def __init__(self, skeleton: Skeleton, scratch: BinaryIO, most: int = MOST_IMAGES) -> None:
        self._anatomy = Anatomy(skeleton)
        self._scratch = scratch
        self._most = most
        self._sample = InstanceSample()
        # Not MessagePack: a label may hold integers of any length, and that refuses them.
        self._encoder = msgspec.json.Encoder()

    def add(self, labeled: Labeled) -> None:
        """Take one image."""
        for place, instance in enumerate(labeled.instances):
            self._sample.add(labeled.line, place, instance)
        annotation = labeled.annotation
        image = _Image(
            labeled.line,
            labeled.source_ref,
            annotation.image_width,
            annotation.image_height,
            annotation.updated_annotations,
            [len(b.worker_ids) for b in annotation.below_quorum],
        )
        packed = self._encoder.encode(image)
        self._scratch.write(_LENGTH.pack(len(packed)))
        self._scratch.write(packed)

    def ranked(self) -> Iterator[tuple[SuspiciousImage, bytes]]:
        """The images on the list, the most suspicious first, each with its line of the review manifest."""
        reader = SignalReader(self._anatomy, measure(self._anatomy, self._sample.instances))
        heap: list[tuple[float, int, SuspiciousImage, bytes]] = []
        for image in self._images():
            found = _read(reader, image)
            if not found:
                continue
            top = found[0].suspicion
            entry = (top, -image.line)
            if len(heap) == self._most and entry < heap[0][:2]:
                continue
            listed = SuspiciousImage(
                version=VERSION, line=image.line, source_ref=image.source_ref, suspicion=top, instances=found
            )
            push = heapq.heappush if len(heap) < self._most else heapq.heapreplace
            push(heap, (*entry, listed, _review_line(image, found)))
        for _, _, listed, line in sorted(heap, key=lambda entry: entry[:2], reverse=True):
            yield listed, line

    def _images(self) -> Iterator[_Image]:
        decoder = msgspec.json.Decoder(_Image)
        self._scratch.seek(0)
        while head := self._scratch.read(_LENGTH.size):
            yield decoder.decode(self._scratch.read(_LENGTH.unpack(head)[0]))


def _read(reader: SignalReader, image: _Image) -> list[SuspiciousInstance]:
    instances = parse_instances(image.annotations)
    size = (image.width, image.height) if image.width and image.height else None
    alike = reader.between(instances)
    found = []
    for place, instance in enumerate(instances):
        signals = reader.signals(instance, size) + ([alike[place]] if place in alike else [])
        reasons = [reason(s) for s in signals] + workers_reasons(_texts(image.annotations[place].get("needs_review")))
        found.append(_suspicious(place, instance.id, instance.name, reasons))
    found += [_suspicious(None, None, "", [below_quorum(workers)]) for workers in image.below]
    listed = [entry for entry in found if entry.suspicion >= LEAST_SUSPICION]
    return sorted(listed, key=lambda entry: -entry.suspicion)


def _suspicious(place: int | None, instance_id: str | None, name: str, reasons: Sequence[Reason]) -> SuspiciousInstance:
    told = sorted((r for r in reasons if r.probability >= LEAST_REASON), key=lambda r: -r.probability)[:MOST_REASONS]
    rounded = [msgspec.structs.replace(r, probability=round(r.probability, 4)) for r in told]
    return SuspiciousInstance(
        instance=place, id=instance_id, name=name, suspicion=round(suspicion(reasons), 4), reasons=rounded
    )


def _review_line(image: _Image, found: Sequence[SuspiciousInstance]) -> bytes:
    """A line of an input manifest: the labels as pre-labels, and in plain words what to look at."""
    issues = [{"reason": f"{_title(entry)}: {r.message}"} for entry in found for r in entry.reasons]
    line: dict[str, Any] = {"source-ref": image.source_ref, REVIEWED_LINE: image.line}
    if image.width and image.height:
        line |= {"image_width": image.width, "image_height": image.height}
    return msgspec.json.encode(line | {"annotations": _plain(image.annotations), "annotation_issues": issues})


def _title(entry: SuspiciousInstance) -> str:
    """What the labelling element calls the instance."""
    if entry.instance is None:
        return "Not in the labels"
    return entry.name or f"Instance {entry.instance + 1}"


def _plain(annotations: Sequence[Any]) -> list[Any]:
    """The instances without what consolidation says of them: all else is the workers' own and stays."""
    return [
        {key: value for key, value in instance.items() if key not in _CONSOLIDATIONS}
        | {"annotations": [{k: v for k, v in p.items() if k not in _CONSOLIDATIONS} for p in instance["annotations"]]}
        for instance in annotations
    ]


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
