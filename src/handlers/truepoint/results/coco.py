"""COCO keypoints JSON, https://cocodataset.org/#format-data: written a line at a time.

Extra keys (`sigmas`, `flip_pairs`, `s3_uri`, `area_source`, `attributes`, `rater_id`, `rater_list`) are those that
pycocotools and its kin ignore. CVAT and Datumaro read `attributes`, KaLOS the two about raters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from truepoint.groundtruth.output_line import Labeled
from truepoint.keys import below_images
from truepoint.pose.instance import Instance, InstanceError, parse_instances
from truepoint.pose.similarity import area
from truepoint.pose.skeleton import Skeleton

VERSION = "1.0"


class CocoWriter:
    """Gives a line's images and annotations as JSON, a line each, to be put together by `coco_file`.

    Image ids are line numbers from 1. Annotation ids count from 1 over the whole file (pycocotools takes 0 for
    "unmatched"), so an annotation's line is without. An instance without keypoints has no box, so it is not written;
    quality.json counts it.
    """

    def __init__(self, skeleton: Skeleton, labeling_job: str) -> None:
        self._names = skeleton.keypoint_names
        self._labeling_job = labeling_job
        self._last: tuple[list[Instance], list[bytes]] = ([], [])

    def accepted(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """The image and its accepted instances."""
        entries = []
        written = self._entries(labeled, labeled.instances)
        for instance, entry, raw in zip(
            labeled.instances, written, labeled.annotation.updated_annotations, strict=True
        ):
            if instance.annotations:
                # What consolidation found out about it is in the label only.
                found = {name: raw[name] for name in ("worker_count", "score") if name in raw}
                entries.append(_with(entry, {"attributes": _attributes(instance) | found}))
        return _line(self._image(labeled)), entries

    def raters(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """The image and each worker's own instances: not the accepted ones, which are `accepted`'s."""
        answers = list(own_instances(labeled))
        entries = [
            _with(entry, {"attributes": _attributes(instance), "rater_id": worker_id})
            for worker_id, instances in answers
            for instance, entry in zip(instances, self._entries(labeled, instances), strict=True)
            if instance.annotations
        ]
        return _line(self._image(labeled) | {"rater_list": [worker_id for worker_id, _ in answers]}), entries

    def _image(self, labeled: Labeled) -> dict[str, Any]:
        image: dict[str, Any] = {"id": labeled.line + 1, "file_name": self._file_name(labeled)}
        if labeled.annotation.image_width and labeled.annotation.image_height:
            image |= {"width": labeled.annotation.image_width, "height": labeled.annotation.image_height}
        return image | {"s3_uri": labeled.source_ref}

    def _file_name(self, labeled: Labeled) -> str:
        """The image's path below the job's own image folder, else its whole key: unique, unlike a bare name."""
        key = labeled.source_ref.removeprefix("s3://").partition("/")[2] or labeled.annotation.image_file_name
        return below_images(self._labeling_job, key)

    def _entries(self, labeled: Labeled, instances: list[Instance]) -> list[bytes]:
        """What their lines say of instances, whoever marked them. Kept, because one worker's are the accepted ones."""
        if self._last[0] is not instances:
            self._last = instances, [self._entry(labeled.line + 1, instance) for instance in instances]
        return self._last[1]

    def _entry(self, image_id: int, instance: Instance) -> bytes:
        keypoints = instance.by_label
        values: list[float] = []
        labeled = 0
        for name in self._names:
            k = keypoints.get(name)
            values += (k.x, k.y, k.visibility) if k else (0, 0, 0)
            labeled += k is not None
        size, source = area(instance)
        entry = {
            "image_id": image_id,
            "category_id": 1,
            "keypoints": values,
            "num_keypoints": labeled,
            "bbox": instance.box or instance.hull,
            "area": size,
            "area_source": source,
            "iscrowd": 0,
            "segmentation": [],
        }
        return msgspec.json.encode(entry)


def coco_file(
    skeleton: Skeleton, labeling_job: str, images: Iterable[bytes], annotations: Iterable[bytes]
) -> Iterator[bytes]:
    """The whole file in pieces, from the lines of all images and annotations in the order of the manifest."""
    head = msgspec.json.encode(
        {
            "info": {"description": f"Truepoint, labelling job {labeling_job}", "version": VERSION},
            "licenses": [],
            "categories": [category(skeleton)],
        }
    )
    yield head[:-1] + b',"images":['
    yield from _joined(images)
    yield b'],"annotations":['
    yield from _joined(b'{"id":%d,' % number + line[1:] for number, line in enumerate(annotations, 1))
    yield b"]}"


def own_instances(labeled: Labeled) -> Iterator[tuple[str, list[Instance]]]:
    """Each worker whose answer was usable, by id, and the instances of that answer, in the order of the label.

    One worker's answer is the annotation, so the label does not repeat it. Answers that a foreign label carries in an
    unknown shape are left out: they are not what was accepted.
    """
    workers = labeled.annotation.workers
    for worker in workers:
        if not worker.usable:
            continue
        try:
            yield worker.worker_id, parse_instances(worker.annotations) if len(workers) > 1 else labeled.instances
        except InstanceError:
            continue


def category(skeleton: Skeleton) -> dict[str, Any]:
    """The category of a skeleton; edges count keypoints from 1, flip pairs from 0."""
    index = {name: i for i, name in enumerate(skeleton.keypoint_names)}
    return {
        "id": 1,
        "name": skeleton.name,
        "supercategory": skeleton.supercategory,
        "keypoints": skeleton.keypoint_names,
        "skeleton": [[index[a] + 1, index[b] + 1] for a, b, *_ in skeleton.edges],
        "sigmas": skeleton.sigmas,
        "flip_pairs": [[i, j] for i, j in enumerate(skeleton.flip_indices) if i < j],
    }


def _attributes(instance: Instance) -> dict[str, Any]:
    return {"id": instance.id or "", "name": instance.name}


def _with(entry: bytes, more: dict[str, Any]) -> bytes:
    """A line with an object's entries and more."""
    return b"%s,%s\n" % (entry[:-1], msgspec.json.encode(more)[1:])


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    separator = b""
    for line in lines:
        yield separator + line[:-1]
        separator = b",\n"
