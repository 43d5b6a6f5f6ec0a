"""A writer of COCO keypoints JSON (https://cocodataset.org/#format-data) that works line by line.

pycocotools and other readers ignore the extra keys `sigmas`, `flip_pairs`, `s3_uri`, `area_source`, `attributes`,
`keypoint_comments`, `rater_id` and `rater_list`. CVAT and Datumaro read `attributes`, KaLOS reads `rater_id` and
`rater_list`, and our own import reads the keys from which it restores the instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.instance import Instance, InstanceError
from truepoint.pose.similarity import BOX_TO_AREA, EXTENT_DIGITS, extent
from truepoint.pose.skeleton import Skeleton

VERSION = "1.0"


class CocoWriter:
    """A writer of images and annotations as lines of JSON, from which `coco_file` composes the file.

    Image ids are line numbers, counted from 1. Annotation ids count from 1, because pycocotools uses 0 for
    "unmatched". They count over the whole file, so `coco_file` adds them. An instance with neither a keypoint nor a
    drawn box has no location, so it is not written; quality.json counts it.
    """

    def __init__(self, skeleton: Skeleton, images_job: str) -> None:
        self._index = skeleton.keypoint_index
        self._images_job = images_job
        self._last: tuple[list[Instance], list[bytes | None]] = ([], [])

    def accepted(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """Return the lines of the image and of its accepted instances."""
        entries = []
        written = self._entries(labeled, labeled.instances)
        for instance, entry, raw in zip(
            labeled.instances, written, labeled.annotation.updated_annotations, strict=True
        ):
            if entry is not None:
                entries.append(_with(entry, attributes_of(instance, raw)))
        return _line(self._image(labeled)), entries

    def raters(self, labeled: Labeled) -> tuple[bytes, list[bytes]]:
        """Return the lines of the image and of each worker's own instances."""
        answers = list(own_instances(labeled))
        entries = [
            _with(entry, attributes_of(instance, raw) | {"rater_id": worker_id})
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
        """Return the entries of instances. The last ones are cached: those of a single worker are requested twice."""
        if self._last[0] is not instances:
            made = (annotation_entry(self._index, labeled.line + 1, instance) for instance in instances)
            self._last = instances, [msgspec.json.encode(entry) if entry else None for entry in made]
        return self._last[1]


def image_entry(image_id: int, file_name: str, size: tuple[int | None, int | None], source_ref: str) -> dict[str, Any]:
    """Return an image of a COCO file, without width and height if they are not known."""
    width, height = size
    sides = {"width": width, "height": height} if width and height else {}
    return {"id": image_id, "file_name": file_name, **sides, "s3_uri": source_ref}


def annotation_entry(index: Mapping[str, int], image_id: int, instance: Instance) -> dict[str, Any] | None:
    """Return an instance as a COCO annotation without its id; None if it has neither a keypoint nor a drawn box.

    `index` maps the skeleton's keypoint names to their indices.

    The area of `bbox` is never 0, and `area` is .53 times it (`similarity.BOX_TO_AREA`). `segmentation` is the same
    rectangle as a polygon, because readers that decode masks fail without one.
    """
    extent_and_source = extent(instance)
    if extent_and_source is None:
        return None
    (x, y, width, height), source = extent_and_source
    values: list[float] = [0] * (3 * len(index))
    labeled = 0
    for k in instance.annotations:
        i = index.get(k.label)
        if i is not None:
            values[3 * i : 3 * i + 3] = k.x, k.y, k.visibility
            labeled += 1
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


def attributes_of(instance: Instance, raw: Any) -> dict[str, Any]:
    """Return an instance's data other than coordinates: id, name, comments, number of workers and score.

    Args:
        instance: the instance.
        raw: the same instance as parsed JSON.
    """
    attributes: dict[str, Any] = {"id": instance.id or "", "name": instance.name}
    if "worker_count" in raw:  # without it, `score` is that of the model that made the pre-label
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
    """Yield the file in pieces.

    Args:
        skeleton: the skeleton.
        labeling_job: the job's name.
        images: pieces of one or more lines, in the order of the manifest, as `annotations`.
        annotations: the lines of the annotations.
    """
    head = msgspec.json.encode(
        {
            "info": {"description": f"Truepoint, labelling job {labeling_job}", "version": VERSION},
            "licenses": [],
            "categories": [category(skeleton)],
        }
    )
    yield head[:-1] + b',"images":['
    yield from _joined(piece[:-1].replace(b"\n", b",\n") for piece in images)
    yield b'],"annotations":['
    yield from _joined(_numbered(annotations))
    yield b"]}"


def own_instances(labeled: Labeled) -> Iterator[tuple[str, list[Instance], list[Any]]]:
    """Yield each worker with a usable answer: worker id, instances, and the same instances as parsed JSON.

    If only one worker answered, the instances are those of the annotation, because the label does not repeat them.
    Answers of an unknown shape, in labels that another program wrote, are left out.
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
    """Return the COCO category of a skeleton. Edges count keypoints from 1, flip pairs from 0."""
    index = skeleton.keypoint_index
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
    """Return a JSON object with more members, as a line."""
    return b"%s,%s\n" % (entry[:-1], msgspec.json.encode(more)[1:])


def _line(value: Any) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _numbered(annotations: Iterable[bytes]) -> Iterator[bytes]:
    """Yield pieces of annotations with their ids."""
    number = 1
    for piece in annotations:
        lines = piece[:-1].split(b"\n")
        yield b",\n".join([b'{"id":%d,%b' % (n, line[1:]) for n, line in enumerate(lines, number)])
        number += len(lines)


def _joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    separator = b""
    for piece in pieces:
        yield separator + piece
        separator = b",\n"
