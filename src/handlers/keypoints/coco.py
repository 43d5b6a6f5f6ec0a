"""COCO keypoints JSON, https://cocodataset.org/#format-data: written a line at a time.

Extra keys (`sigmas`, `flip_pairs`, `s3_uri`, `area_source`, `attributes`, `rater_id`, `rater_list`) are those that
pycocotools and its kin ignore. CVAT and Datumaro read `attributes`, KaLOS the two about raters.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from keypoints.instance import Instance, InstanceError, parse_instances
from keypoints.outcome import Labeled
from keypoints.similarity import area, hull_box
from keypoints.skeleton import Skeleton

VERSION = "1.0"


class CocoFile:
    """Collects images and annotations in two scratch files, so that memory stays bounded, and joins them at the end.

    Image ids are line numbers from 1, annotation ids count from 1 (pycocotools takes 0 for "unmatched"). An instance
    without keypoints has no box, so it is not written; quality.json counts it.
    """

    def __init__(self, skeleton: Skeleton, labeling_job: str, images: BinaryIO, annotations: BinaryIO) -> None:
        self._skeleton = skeleton
        self._job = labeling_job
        self._images = images
        self._annotations = annotations
        self._next_id = 1

    def add(self, labeled: Labeled) -> None:
        """Write one image and its accepted instances."""
        _append(self._images, self._image(labeled))
        accepted = zip(labeled.instances, labeled.annotation.updated_annotations, strict=True)
        for instance, raw in accepted:
            # What consolidation found out about it is in the label only.
            found = {name: raw[name] for name in ("worker_count", "score") if name in raw}
            self._write(labeled.line + 1, instance, {"attributes": _attributes(instance) | found})

    def add_raters(self, labeled: Labeled) -> None:
        """Write one image and each worker's own instances: not the accepted ones, which are `add`'s."""
        answers = list(own_instances(labeled))
        _append(self._images, self._image(labeled) | {"rater_list": [worker_id for worker_id, _ in answers]})
        for worker_id, instances in answers:
            for instance in instances:
                more = {"attributes": _attributes(instance), "rater_id": worker_id}
                self._write(labeled.line + 1, instance, more)

    def join(self, out: BinaryIO) -> None:
        """Write the whole file."""
        head = msgspec.json.encode(
            {
                "info": {"description": f"Truepoint, labelling job {self._job}", "version": VERSION},
                "licenses": [],
                "categories": [category(self._skeleton)],
            }
        )
        out.write(head[:-1] + b',"images":[')
        _copy(self._images, out)
        out.write(b'],"annotations":[')
        _copy(self._annotations, out)
        out.write(b"]}")

    def _image(self, labeled: Labeled) -> dict[str, Any]:
        image: dict[str, Any] = {"id": labeled.line + 1, "file_name": self._file_name(labeled)}
        if labeled.annotation.image_width and labeled.annotation.image_height:
            image |= {"width": labeled.annotation.image_width, "height": labeled.annotation.image_height}
        return image | {"s3_uri": labeled.source_ref}

    def _file_name(self, labeled: Labeled) -> str:
        """The image's path below the job's own image folder, else its whole key: unique, unlike a bare name."""
        key = labeled.source_ref.removeprefix("s3://").partition("/")[2] or labeled.annotation.image_file_name
        return key.removeprefix(f"jobs/{self._job}/images/")

    def _write(self, image_id: int, instance: Instance, more: dict[str, Any]) -> None:
        if instance.annotations:
            _append(self._annotations, self._entry(image_id, instance) | more)
            self._next_id += 1

    def _entry(self, image_id: int, instance: Instance) -> dict[str, Any]:
        keypoints = instance.by_label
        values: list[float] = []
        labeled = 0
        for name in self._skeleton.keypoint_names:
            k = keypoints.get(name)
            values += (k.x, k.y, k.visibility) if k else (0, 0, 0)
            labeled += k is not None
        size, source = area(instance)
        return {
            "id": self._next_id,
            "image_id": image_id,
            "category_id": 1,
            "keypoints": values,
            "num_keypoints": labeled,
            "bbox": instance.box or hull_box(instance),
            "area": size,
            "area_source": source,
            "iscrowd": 0,
            "segmentation": [],
        }


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


def _append(file: BinaryIO, value: Any) -> None:
    if file.tell():
        file.write(b",\n")
    file.write(msgspec.json.encode(value))


def _copy(source: BinaryIO, out: BinaryIO) -> None:
    source.seek(0)
    shutil.copyfileobj(source, out)
