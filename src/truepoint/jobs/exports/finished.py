"""A finished job as exports see it: its skeleton, and its images with their accepted instances, in order."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import msgspec

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.pose.instance import Instance, InstanceError, parse_instances
from truepoint.pose.similarity import SMALLEST_SIDE, THINNEST_BOX
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton
from truepoint.results.result_set import AnnotationFile, Files, Results, read_results

# Letters and digits of any script are fine in a path; what a shell, Windows, a URL or a CSV row stumbles over is not.
_UNSAFE = re.compile(r"[^\w.-]+")
_LONGEST = 120
"""Characters in one segment of a path."""
_LONGEST_BYTES = 200
"""The same in UTF-8. File systems take 255, and exports add to a name."""
_ENDINGS = (".txt",)
"""Of the files that exports write beside an image's name."""
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?$")
"""Names of devices, with any ending (learn.microsoft.com/windows/win32/fileio/naming-a-file)."""


class ExportError(ValueError):
    """A results folder, or a request, that no export can be made of; says what was expected and what was found."""


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
        paths = Paths()
        for file in self.files:
            try:
                read = decode(file.read_bytes(), AnnotationFile, DEEPEST_DOCUMENT)
                instances = parse_instances(read.updated_annotations)
            except (JsonError, InstanceError) as error:
                raise ExportError(f"{file}: expected an annotation file, got {error}") from error
            if not self.keep_occluded:
                instances = [_visible(instance) for instance in instances]
            yield ExportImage(
                line=read.line,
                path=paths.take(image_path(read.source_ref, self.name)),
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
        raise ExportError(f"{folder}: expected the results of a finished job, got no usable results.json")
    try:
        skeleton = parse_skeleton((folder / results.files.skeleton).read_bytes(), stored=True)
    except (OSError, SkeletonError) as error:
        raise ExportError(f"{folder / results.files.skeleton}: expected the job's skeleton, got {error}") from error
    files = sorted((folder / Files().annotations).glob("*.json"))
    if len(files) != results.written:
        raise ExportError(f"{folder}: expected {results.written} annotation files, got {len(files)}")
    return FinishedJob(folder, results, skeleton, files, keep_occluded)


def image_path(source_ref: str, job: str) -> str:
    """An image's path below the job's image folder, harmless on any file system: no `..`, no control characters."""
    key = source_ref.removeprefix("s3://").partition("/")[2] or source_ref
    parts = []
    for part in PurePosixPath(key.removeprefix(f"jobs/{job}/images/")).parts:
        safe = PurePosixPath(_UNSAFE.sub("_", part).strip(".") or "_")
        ending = safe.suffix[:10]
        stem = safe.stem[:_LONGEST].encode()[: _LONGEST_BYTES - len(ending.encode())].decode(errors="ignore")
        clean = stem + ending
        # A leading dash would be an option to a command.
        parts.append(f"_{clean}" if clean.startswith("-") or _RESERVED.match(clean) else clean)
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


class Paths:
    """Gives each image a path of its own, whatever the case and ending: exports replace the ending by `.txt`.

    No path is a folder of another one, with either ending.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, path: str) -> str:
        """The path, or one that differs in what is taken already."""
        *folders, name = path.split("/")
        place = ""
        for folder in folders:
            while f"{place}{folder}".casefold() in self._files:
                folder += "_"  # noqa: PLW2901
            self._folders.add(f"{place}{folder}".casefold())
            place += f"{folder}/"
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (name, "")
        if self._is_taken(place + stem, ending):
            stem += "-" + hashlib.sha256(path.encode()).hexdigest()[:8]
        while self._is_taken(place + stem, ending):
            stem += "-again"
        self._files.update(f"{place}{stem}{end}".casefold() for end in ("", ending, *_ENDINGS))
        return f"{place}{stem}{ending}"

    def _is_taken(self, stem: str, ending: str) -> bool:
        names = {f"{stem}{end}".casefold() for end in ("", ending, *_ENDINGS)}
        return stem.casefold() in self._files or not names.isdisjoint(self._folders)
