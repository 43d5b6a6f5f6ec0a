"""The input of an export: downloaded results with their skeleton, and their images with accepted instances."""

from __future__ import annotations

import hashlib
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.keys import below_images
from truepoint.pose.instance import Instance, InstanceError, parse_instances
from truepoint.pose.skeleton import Skeleton, SkeletonError, parse_skeleton
from truepoint.results.result_set import AnnotationFile, Files, Results, read_results

_UNSAFE = re.compile(r"[^\w.-]+")
"""Characters that are replaced in a path, because they have a meaning for shells, Windows, URLs or CSV. Letters and
digits of any script stay."""
_LONGEST = 120
"""Maximum length of the stem of a path segment, in characters."""
_LONGEST_BYTES = 200
"""Maximum length of one path segment, in UTF-8 bytes. File systems allow 255, and exports append to names."""
_LABEL_SUFFIXES = (".txt",)
"""Suffixes of label files in exports. They replace the suffix of the image."""
RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[\d¹²³]|lpt[\d¹²³])(\..*)?$")
"""Device names of Windows, with any suffix: https://learn.microsoft.com/windows/win32/fileio/naming-a-file."""


class ExportError(ValueError):
    """Results, formats or options with which no export is possible. The message says what was expected."""


@dataclass(frozen=True, slots=True)
class ExportImage:
    """One image to export.

    Attributes:
        line: its line number in the manifest.
        path: its relative path in the export: unique, and safe on every file system.
        s3_uri: its `source-ref`.
        width: in pixels; None if unknown.
        height: in pixels; None if unknown.
        instances: its accepted instances.
        seconds: total labelling time; None if unknown.
        file_name: its name in coco.json.
        job: the labelling job's name.
        split: the part of the data set that it belongs to; empty if the set is not split.
        raw: the instances as in the annotation file, with members that `Instance` lacks.
    """

    line: int
    path: str
    s3_uri: str
    width: int | None
    height: int | None
    instances: list[Instance]
    seconds: float | None = None
    file_name: str = ""
    job: str = ""
    split: str = ""
    raw: list[Any] = field(default_factory=list, repr=False)

    @property
    def size(self) -> tuple[int, int] | None:
        """Return width and height in pixels, or None if either is unknown."""
        return (self.width, self.height) if self.width and self.height else None

    @property
    def comments(self) -> int:
        """Return the number of comments on instances and keypoints."""
        return sum(bool(instance.get("comment")) for instance in self.raw) + self.keypoint_comments

    @property
    def keypoint_comments(self) -> int:
        """Return the number of comments on keypoints."""
        return sum(bool(keypoint.get("comment")) for instance in self.raw for keypoint in instance["annotations"])


@dataclass(frozen=True, slots=True)
class FinishedJob:
    """One results folder. Each call of `images` reads the files again, so that memory stays bounded."""

    folder: Path
    results: Results
    skeleton: Skeleton
    files: list[Path] = field(repr=False)

    @property
    def name(self) -> str:
        """Return the labelling job's name."""
        return self.results.labeling_job

    def images(self) -> Iterator[AnnotationFile]:
        """Yield every image with an accepted annotation, also one without instances, in the manifest's order.

        Raises:
            ExportError: a file is not an annotation file.
        """
        for file in self.files:
            try:
                read = decode(file.read_bytes(), AnnotationFile, DEEPEST_DOCUMENT)
                parse_instances(read.updated_annotations)
            except (JsonError, InstanceError) as error:
                raise ExportError(f"{file}: expected an annotation file, got: {error}") from error
            yield read


@dataclass(frozen=True, slots=True)
class DataSet:
    """The images to export, from one results folder or from several with the same keypoints.

    Attributes:
        jobs: the results folders.
        keep_occluded: whether occluded keypoints are exported; see `data_set`.
        splits: the part of the set for each image, by path in the export; empty if the set is not split.
        pictures: the picture file for each image, by path in the export; empty if no pictures are copied.
    """

    jobs: tuple[FinishedJob, ...]
    keep_occluded: bool = True
    splits: Mapping[str, str] = field(default_factory=dict, repr=False)
    pictures: Mapping[str, Path] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """Return the name of the labelling job; the names of several jobs are joined by a plus sign."""
        return "+".join(job.name for job in self.jobs)

    @property
    def skeleton(self) -> Skeleton:
        """Return the skeleton, with the edges and colours of the first job."""
        return self.jobs[0].skeleton

    @property
    def count(self) -> int:
        """Return the number of images."""
        return sum(len(job.files) for job in self.jobs)

    @property
    def split_names(self) -> tuple[str, ...]:
        """Return the parts of the set that contain images: `train` first, then in alphabetical order."""
        return tuple(sorted(set(self.splits.values()), key=lambda name: (name != "train", name)))

    def images(self) -> Iterator[ExportImage]:
        """Yield every image of every job, in order. If there are several jobs, each has its own folder."""
        paths = Paths()
        for job in self.jobs:
            folder = f"{job.name}/" if len(self.jobs) > 1 else ""
            for read in job.images():
                instances = parse_instances(read.updated_annotations)
                path = paths.take(folder + image_path(read.source_ref, job.name, read.file_name))
                yield ExportImage(
                    line=read.line,
                    path=path,
                    s3_uri=read.source_ref,
                    width=read.image_width,
                    height=read.image_height,
                    instances=instances if self.keep_occluded else [_visible(instance) for instance in instances],
                    seconds=read.total_time_in_seconds,
                    file_name=read.file_name or read.source_ref,
                    job=job.name,
                    split=self.splits.get(path, ""),
                    raw=read.updated_annotations,
                )

    def copy_picture(self, image: ExportImage, target: Path) -> None:
        """Copy the picture of an image, if pictures are to be copied."""
        if source := self.pictures.get(image.path):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


Notes = Counter[str]
"""Counts of items that a format could not represent, by description."""
COMMENTS = "comments left out"
"""Description of comments that a format could not represent."""


def open_results(folder: Path) -> FinishedJob:
    """Open a folder that `download_results` wrote.

    Raises:
        ExportError: results.json or the skeleton is missing or unusable, or annotation files are missing.
    """
    marker = folder / "results.json"
    results = read_results(marker.read_bytes()) if marker.is_file() else None
    if results is None:
        raise ExportError(f"{folder}: expected the results of a finished job, got no usable results.json")
    try:
        skeleton = parse_skeleton((folder / results.files.skeleton).read_bytes(), stored=True)
    except (OSError, SkeletonError) as error:
        raise ExportError(f"{folder / results.files.skeleton}: expected the job's skeleton, got: {error}") from error
    files = sorted((folder / Files().annotations).glob("*.json"))
    if len(files) != results.written:
        raise ExportError(f"{folder}: expected {results.written} annotation files, got {len(files)}")
    return FinishedJob(folder, results, skeleton, files)


def data_set(folders: Sequence[Path], keep_occluded: bool = True) -> DataSet:
    """Open one or more results folders as one data set.

    Args:
        folders: each written by `download_results`.
        keep_occluded: whether keypoints of visibility 1 are exported. False treats them as not labelled, for formats
            that cannot represent occlusion and for models that must not learn occluded keypoints.

    Raises:
        ExportError: a folder is unusable, a job or an image occurs twice, or the jobs' keypoints differ.
    """
    jobs = tuple(open_results(folder) for folder in folders)
    sources: dict[str, str] = {}
    for job in jobs:
        if job.skeleton.keypoint_names != jobs[0].skeleton.keypoint_names:
            wanted, names = (", ".join(j.skeleton.keypoint_names) for j in (jobs[0], job))
            raise ExportError(f"{job.folder}: expected the keypoints of {jobs[0].folder} ({wanted}), got {names}")
        if len(jobs) > 1:
            for read in job.images():
                other = sources.setdefault(read.source_ref, job.name)
                if other != job.name:
                    both = f"{other!r} and {job.name!r}"
                    raise ExportError(f"{read.source_ref}: expected each image in one set of results, got it in {both}")
    if len({job.name.lower() for job in jobs}) < len(jobs):
        raise ExportError(f"expected every job once, got {', '.join(job.name for job in jobs)}")
    return DataSet(jobs, keep_occluded)


def image_path(source_ref: str, job: str, file_name: str = "") -> str:
    """Return a relative path for an image that is safe on any file system: no `..`, no control characters.

    A folder named `images` gets another name, because Ultralytics looks for labels beside the last folder of that name.

    Args:
        source_ref: the image's S3 URI.
        job: the labelling job; the path starts below its image folder.
        file_name: the image's name in coco.json, which is used instead of the URI if it is given.
    """
    key = file_name or below_images(job, source_ref.removeprefix("s3://").partition("/")[2] or source_ref)
    parts = []
    for part in PurePosixPath(key).parts:
        safe = PurePosixPath(_UNSAFE.sub("_", part).strip(".") or "_")
        ending = safe.suffix[:10]
        stem = safe.stem[:_LONGEST].encode()[: _LONGEST_BYTES - len(ending.encode())].decode(errors="ignore")
        clean = stem + ending
        # A leading dash would make it a command-line option.
        parts.append(f"_{clean}" if clean.startswith("-") or RESERVED.match(clean) else clean)
    folders = [f"{folder}_" if folder == "images" else folder for folder in parts[:-1]]
    return "/".join([*folders, *parts[-1:]]) or "image"


def _same_file_key(path: str) -> str:
    """Return a key that is equal for two paths if Windows or macOS treats them as one file.

    Those systems ignore case and canonically equivalent spellings (Unicode NFC).
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _visible(instance: Instance) -> Instance:
    return msgspec.structs.replace(instance, annotations=tuple(k for k in instance.annotations if k.visibility == 2))


class Paths:
    """A set of image paths that stay distinct without case and without suffix: exports replace the suffix by `.txt`.

    No path, with either suffix, is also the folder of another path.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()
        self._repeats: Counter[str] = Counter()

    def take(self, path: str) -> str:
        """Add a path and return it, or add and return a variant of it if the path is taken."""
        *folders, name = path.split("/")
        parent = ""
        for folder in folders:
            while _same_file_key(f"{parent}{folder}") in self._files:
                folder += "_"  # noqa: PLW2901
            self._folders.add(_same_file_key(f"{parent}{folder}"))
            parent += f"{folder}/"
        stem, dot, ending = name.rpartition(".")
        stem, ending = (stem, dot + ending) if dot else (name, "")
        if self._is_taken(parent + stem, ending):
            stem += "-" + hashlib.sha256(path.encode()).hexdigest()[:8]
        plain = stem
        while self._is_taken(parent + stem, ending):
            self._repeats[parent + plain] += 1
            count = self._repeats[parent + plain]
            stem = f"{plain}-again{count if count > 1 else ''}"
        self._files.update(_same_file_key(f"{parent}{stem}{end}") for end in ("", ending, *_LABEL_SUFFIXES))
        return f"{parent}{stem}{ending}"

    def _is_taken(self, stem: str, ending: str) -> bool:
        names = {_same_file_key(f"{stem}{end}") for end in ("", ending, *_LABEL_SUFFIXES)}
        return _same_file_key(stem) in self._files or not names.isdisjoint(self._folders)
