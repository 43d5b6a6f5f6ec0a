"""Comparison of two sets of results for the same images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from truepoint.jobs.exports.finished import open_results
from truepoint.pose.instance import Instance, parse_instances


class ChangedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image whose labels differ between two sets of results, or that only one of them contains."""

    source_ref: str
    file_name: str
    change: Literal["added", "changed", "removed"]


def changed_images(old: Path, new: Path) -> Iterator[ChangedImage]:
    """Yield the images that differ between two results folders, in the order of the new folder, removed images last.

    Two images are equal if their instances have the same names, boxes, keypoints and visibility. Times and workers are
    not compared.

    Raises:
        ExportError: a folder is not a complete set of results.
    """
    before = {image: (name, instances) for image, name, instances in _labels(old)}
    for image, name, instances in _labels(new):
        earlier = before.pop(image, None)
        source, _ = image
        if earlier is None:
            yield ChangedImage(source_ref=source, file_name=name, change="added")
        elif earlier[1] != instances:
            yield ChangedImage(source_ref=source, file_name=name, change="changed")
    for (source, _), (name, _) in before.items():
        yield ChangedImage(source_ref=source, file_name=name, change="removed")


def _labels(folder: Path) -> Iterator[tuple[tuple[str, int], str, list[Instance]]]:
    """Yield a key, the file name and the instances of each image.

    The key is the image's `source-ref` and the number of earlier lines with the same `source-ref`: a manifest may
    contain an image more than once.
    """
    lines: Counter[str] = Counter()
    for read in open_results(folder).images():
        instances = parse_instances(read.updated_annotations)
        # The order of keypoints in an instance has no meaning.
        ordered = [tuple(sorted(instance.annotations, key=lambda k: k.label)) for instance in instances]
        plain = [msgspec.structs.replace(i, annotations=points) for i, points in zip(instances, ordered, strict=True)]
        yield (read.source_ref, lines[read.source_ref]), read.file_name or read.source_ref, plain
        lines[read.source_ref] += 1
