"""COCO keypoints JSON, https://cocodataset.org/#format-data: written a line at a time.

Extra keys (`sigmas`, `flip_pairs`, `s3_uri`, `area_source`, `attributes`, `keypoint_comments`, `rater_id`,
`rater_list`) are ignored by pycocotools and other readers. CVAT and Datumaro read `attributes`, KaLOS the two about
raters, and our own import all that it needs to restore the instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.instance import Instance, InstanceError
from truepoint.pose.similarity import BOX_TO_AREA, EXTENT_DIGITS, extent
from truepoint.pose.skeleton import Skeleton

VERSION = "1.0"


class CocoWriter:
    """Gives a line's images and annotations as JSON, a line each, to be put together by `coco_file`.

    Image ids are line numbers from 1. Annotation ids count from 1 over the whole file (pycocotools takes 0 for
    "unmatched"), so an annotation's line is without. An instance with neither a keypoint nor a drawn box has no place
    in an image, so it is not written; quality.json counts it.
    """

    def __init__(self, skeleton: Skeleton, images_job: str) -> None:
        self._names = skeleton.keypoint_names
        self._images_job = images_job
        self._last: tuple[list[Instance], list[bytes | None]] = ([], [])

    def accepted(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """Return the image and its accepted instances."""
        entries = []
        written = self._entries(labeled, labeled.instances)
        for instance, entry, raw in zip(
            labeled.instances, written, labeled.annotation.updated_annotations, strict=True
        ):
            if entry is not None:
                entries.append(_with(entry, told(instance, raw)))
        return _line(self._image(labeled)), entries

    def raters(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """Return the image and each worker's own instances: not the accepted ones, which are `accepted`'s."""
        answers = list(own_instances(labeled))
        entries = [
            _with(entry, told(instance, raw) | {"rater_id": worker_id})
            for worker_id, instances, given in answers
            for instance, entry, raw in zip(instances, self._entries(labeled, instances), given, strict=True)
            if entry is not None
        ]
        return _line(self._image(labeled) | {"rater_list": [worker_id for worker_id, _, _ in answers]}), entries

    def _image(self, labeled: Labeled) -> dict[str, Any]:
        annotation = labeled.annotation
        size = annotation.image_width, annotation.image_height
        return image_entry(labeled.line + 1, labeled.path_below(self._images_job), size, labeled.source_ref)

    def _entries(self, labeled: Labeled, instances: list[Instance]) -> list[bytes | None]:
        """Return the entries of instances. They are kept, because one worker's may be the accepted ones."""
        if self._last[0] is not instances:
            made = (annotation_entry(self._names, labeled.line + 1, instance) for instance in instances)
            self._last = instances, [msgspec.json.encode(entry) if entry else None for entry in made]
        return self._last[1]


def image_entry(image_id: int, file_name: str, size: tuple[int | None, int | None], source_ref: str) -> dict[str, Any]:
    """Return an image of a COCO file, without a size if it is not known."""
    width, height = size
    sides = {"width": width, "height": height} if width and height else {}
    return {"id": image_id, "file_name": file_name, **sides, "s3_uri": source_ref}


def annotation_entry(names: Sequence[str], image_id: int, instance: Instance) -> dict[str, Any] | None:
    """Return an instance as a COCO annotation without its id; None if it has neither a keypoint nor a drawn box.

    `bbox` always has an area, of which `area` is .53. `segmentation` is that rectangle as a polygon: readers that
    decode masks fail where there is none, or an empty list.
    """
    extent_and_source = extent(instance)
    if extent_and_source is None:
        return None
    (x, y, width, height), source = extent_and_source
    keypoints = instance.by_label
    values: list[float] = []
    labeled = 0
    for name in names:
        k = keypoints.get(name)
        values += (k.x, k.y, k.visibility) if k else (0, 0, 0)
        labeled += k is not None
    right, bottom = round(x + width, EXTENT_DIGITS), round(y + height, EXTENT_DIGITS)
    return {
        "image_id": image_id,
        "category_id": 1,
        "keypoints": values,
        "num_keypoints": labeled,
        "bbox": (x, y, width, height),
        "area": round(BOX_TO_AREA * width * height, EXTENT_DIGITS),
        "area_source": source,
        "iscrowd": 0,
        "segmentation": [[x, y, right, y, right, bottom, x, bottom]],
    }


def told(instance: Instance, raw: Any) -> dict[str, Any]:
    """Return what an instance tells beside its places: id, name and comments, and what consolidation found out."""
    attributes: dict[str, Any] = {"id": instance.id or "", "name": instance.name}
    if "worker_count" in raw:  # a `score` without it is that of the model which made the pre-label
        attributes |= {name: raw[name] for name in ("worker_count", "score") if name in raw}
    if comment := _comment(raw):
        attributes["comment"] = comment
    comments = {k["label"]: text for k in raw["annotations"] if "comment" in k and (text := _comment(k))}
    return {"attributes": attributes} | ({"keypoint_comments": comments} if comments else {})


def _comment(value: dict[str, Any]) -> str:
    text = value.get("comment")
    return text if isinstance(text, str) else ""


def coco_file(
    skeleton: Skeleton, labeling_job: str, images: Iterable[bytes], annotations: Iterable[bytes]
) -> Iterator[bytes]:
    """Return the whole file in pieces, from the lines of all images and annotations in the order of the manifest."""
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


def own_instances(labeled: Labeled) -> Iterator[tuple[str, list[Instance], list[Any]]]:
    """Return the instances of each worker with a usable answer, by worker id.

    They are parsed and unchanged, in the order of the label.

    One worker's answer is the annotation, so the label does not repeat it. Answers that a foreign label carries in an
    unknown shape are left out: they are not what was accepted.
    """
    workers = labeled.annotation.workers
    for worker in workers:
        if not worker.usable:
            continue
        if len(workers) == 1:
            yield worker.worker_id, labeled.instances, labeled.annotation.updated_annotations
            continue
        try:
            yield worker.worker_id, worker.instances, worker.annotations
        except InstanceError:
            continue


def category(skeleton: Skeleton) -> dict[str, Any]:
    """Return the category of a skeleton; edges count keypoints from 1, flip pairs from 0."""
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


def _with(entry: bytes, more: dict[str, Any]) -> bytes:
    """Return a line with an object's entries and more."""
    return b"%s,%s\n" % (entry[:-1], msgspec.json.encode(more)[1:])


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _joined(lines: Iterable[bytes]) -> Iterator[bytes]:
    separator = b""
    for line in lines:
        yield separator + line[:-1]
        separator = b",\n"
