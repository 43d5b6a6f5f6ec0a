"""A finished job as exports see it: its skeleton, and its images with their accepted instances, in order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from keypoints.instance import Instance, InstanceError, parse_instances
from keypoints.json_text import DEEPEST_DOCUMENT, JsonError, decode
from keypoints.results import AnnotationFile, Files, Results, read_results
from keypoints.similarity import SMALLEST_SIDE, THINNEST_BOX
from keypoints.skeleton import Skeleton, SkeletonError, parse_skeleton

# Letters and digits of any script are fine in a path; what a shell, Windows, a URL or a CSV row stumbles over is not.
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST = 120
"""Characters in one segment of a path: file systems take 255 bytes, and a letter has up to four."""
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?$")


class ExportError(ValueError):
    """A results folder, or a request, that no export can be made of; says expected and actual."""


@dataclass(frozen=True, slots=True)
class ExportImage:
    """One image. `path` is its place in an export: unique, relative, harmless. Sizes are None if nobody said them."""

    line: int
    path: str
    s3_uri: str
    width: int | None
    height: int | None
    instances: list[Instance]
    seconds: float | None = None

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, or None if either is not known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """A results folder. `images` reads the files anew each time, so memory stays bounded."""

    folder: Path
    results: Results
    skeleton: Skeleton
    files: list[Path] = field(repr=False)
    keep_occluded: bool = True

    @property
    def name(self) -> str:
        """The labeling job's."""
        return self.results.labeling_job

    def images(self) -> Iterator[ExportImage]:
        """Every image with an accepted annotation, in the manifest's order, also those without instances.

        Raises:
            ExportError: a file of the set is not an annotation file.
        """
        taken: set[str] = set()
        for file in self.files:
            try:
                read = decode(file.read_bytes(), AnnotationFile, DEEPEST_DOCUMENT)
                instances = parse_instances(read.updated_annotations)
            except (JsonError, InstanceError) as error:
                raise ExportError(f"{file}: expected an annotation file, actual: {error}") from error
            if not self.keep_occluded:
                instances = [_visible(instance) for instance in instances]
            yield ExportImage(
                line=read.line,
                path=_unique(image_path(read.source_ref, self.name), taken),
                s3_uri=read.source_ref,
                width=read.image_width,
                height=read.image_height,
                instances=instances,
                seconds=read.total_time_in_seconds,
            )


Notes = Counter[str]
"""What an export could not hold, in words, and how often."""


def open_results(folder: Path, keep_occluded: bool = True) -> FinishedJob:
    """Read a folder that `download_results` made.

    Args:
        folder: holds results.json and the files that it names.
        keep_occluded: without it keypoints of visibility 1 count as not labelled, for formats that have no word for
            them and for models that must not learn them.

    Raises:
        ExportError: no results.json there, or not a complete set.
    """
    marker = folder / "results.json"
    results = read_results(marker.read_bytes()) if marker.is_file() else None
    if results is None:
        raise ExportError(f"{folder}: expected the results of a finished job, actual: no usable results.json")
    try:
        skeleton = parse_skeleton((folder / results.files.skeleton).read_bytes())
    except (OSError, SkeletonError) as error:
        raise ExportError(f"{folder / results.files.skeleton}: expected the job's skeleton, actual: {error}") from error
    files = sorted((folder / Files().annotations).glob("*.json"))
    if len(files) != results.written:
        raise ExportError(f"{folder}: expected {results.written} annotation files, actual {len(files)}")
    return FinishedJob(folder, results, skeleton, files, keep_occluded)


def image_path(source_ref: str, job: str) -> str:
    """An image's path below the job's image folder, harmless on any file system: no `..`, no control characters."""
    key = source_ref.removeprefix("s3://").partition("/")[2] or source_ref
    parts = []
    for part in PurePosixPath(key.removeprefix(f"jobs/{job}/images/")).parts:
        safe = PurePosixPath(_UNSAFE.sub("_", part).strip(".") or "_")
        clean = safe.stem[:_LONGEST] + safe.suffix[:10]
        parts.append(f"_{clean}" if _RESERVED.match(clean) else clean)
    return "/".join(parts) or "image"


def extent(instance: Instance) -> tuple[float, float, float, float] | None:
    """x, y, width, height of the drawn box, else of the hull of the keypoints, never flat; None of nothing.

    A straight or single-keypoint hull is widened about its centre by the rule that areas follow.
    """
    if instance.box:
        return instance.box
    hull = instance.hull
    if hull is None:
        return None
    x, y, width, height = hull
    least = max(SMALLEST_SIDE, THINNEST_BOX * max(width, height))
    wide, high = max(width, least), max(height, least)
    return x - (wide - width) / 2, y - (high - height) / 2, wide, high


def _visible(instance: Instance) -> Instance:
    return msgspec.structs.replace(instance, annotations=tuple(k for k in instance.annotations if k.visibility == 2))


def _unique(path: str, taken: set[str]) -> str:
    """Unique without its ending, because label files replace that; and on file systems that ignore case."""
    stem, dot, ending = path.rpartition(".")
    stem, end = (stem, dot + ending) if dot and "/" not in ending else (path, "")
    if stem.casefold() in taken:
        stem += "-" + hashlib.sha256(path.encode()).hexdigest()[:8]
    while stem.casefold() in taken:
        stem += "-again"
    taken.add(stem.casefold())
    return stem + end
