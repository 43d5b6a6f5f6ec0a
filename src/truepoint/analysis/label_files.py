"""Label files of one or several raters, read and combined by image.

As Python values, a COCO file of 300,000 annotations would take 2 GB. So its annotations are separated without parsing
them, and each is parsed when it is processed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from truepoint.analysis.skeletons import derived_skeleton, main_category, named_skeleton
from truepoint.formats import coco
from truepoint.formats.detection import read_labels
from truepoint.formats.labels import Category, FormatError, LabeledImage, Labels, Notes, Subject, shown
from truepoint.formats.names import match_images
from truepoint.jobs.prelabels import Choices, Fitter, Instances, category_mappings, checked
from truepoint.json_text import BYTE_ORDER_MARK, DEEPEST_DOCUMENT, is_deeper
from truepoint.pose.instance import pixels
from truepoint.pose.skeleton import Skeleton
from truepoint.results.result_set import DIGITS

RESULTS, WORKERS_FILE, SKELETON_FILE = "results.json", "coco_workers.json", "skeleton.json"
"""Files of a downloaded results folder. Such a folder is read from its workers' file and its skeleton."""
LARGEST_ID = 10**DIGITS
"""Largest image id that is kept from a label file in `coco.json`. The names of annotation files contain an image's
number in `DIGITS` digits."""
AT_ONCE = 1000
"""Number of annotations scanned together."""


class Part(msgspec.Struct, array_like=True):
    """The labels of one image in one file.

    `labels` are subjects, or unparsed COCO annotations if the file has a reader. `file` is the file's index. `raters`
    are those who looked at the image. `in_shares` says whether coordinates are shares of the image's size.
    """

    file: int
    raters: list[str]
    in_shares: bool
    labels: list[Any]


class Entry(msgspec.Struct, array_like=True):
    """One image with the labels of all raters, and a model's predictions.

    `line` is its number in the results: the first file's image id minus 1, or a count from 0. `predictions` are
    `analysis.predictions.Prediction`, as JSON values.
    """

    line: int
    name: str
    width: int | None
    height: int | None
    s3_uri: str
    parts: list[Part]
    predictions: list[Any] = []


@dataclass
class LabelFile:
    """A label file without its labels, which is sent to each process.

    Attributes:
        where: the file's path, for messages.
        shape: the name of its format.
        rater: the rater of labels for which the file names none.
        categories: its categories by name, with their numbers of subjects.
        raters: the raters that the file names.
        reader: the reader of a COCO file's annotations; None if labels are subjects already.
        notes: what was left out so far.
        mappings: for each category the skeleton's keypoint names by the file's names.
    """

    where: str
    shape: str
    rater: str
    categories: dict[str, tuple[Category, int]]
    raters: set[str]
    reader: coco.AnnotationReader | None
    notes: Notes
    mappings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass
class _Opened:
    """An opened file, its images, and the labels of each image."""

    file: LabelFile
    images: list[LabeledImage]
    labels: list[list[Any]]


@dataclass(frozen=True)
class LabelSet:
    """Label files with a common skeleton. `entries` is a function that yields their images, `count` their number."""

    files: list[LabelFile]
    skeleton: Skeleton
    count: int
    entries: Callable[[], Iterator[Entry]]

    @property
    def raters(self) -> list[str]:
        """All raters of the files, sorted."""
        return sorted({rater for file in self.files for rater in (file.raters or {file.rater})})


def read_label_files(
    paths: Sequence[Path],
    skeleton: Skeleton | None,
    chosen: Choices,
    sizes: Callable[[], Mapping[str, tuple[int, int]]] = dict,
) -> LabelSet:
    """Read files that label the same images, by one or several raters each.

    Args:
        paths: files, folders of label files, or downloaded results.
        skeleton: the skeleton of the labels; None to use that of the results, or of the category with most subjects.
        chosen: the user's choices.
        sizes: returns (width, height) of the images by name, for formats whose coordinates are shares of them.

    Raises:
        FormatError: a file cannot be read, names of images are ambiguous, or no category fits the skeleton.
    """
    files = [_results_file(path) or (path, None) for path in paths]
    raters = _rater_names([path for path, _ in files])
    opened = [
        _open(path, rater, len(skeleton.keypoints) if skeleton else 0, chosen)
        for (path, _), rater in zip(files, raters, strict=True)
    ]
    common = skeleton or next((named_skeleton(str(file)) for _, file in files if file), None)
    if common is None:
        try:
            common = derived_skeleton(main_category(_all_categories(opened)))
        except FormatError as error:
            left_out = "".join(f"; {line}" for one in opened for line in one.file.notes.lines())
            raise FormatError(f"{shown([one.file.where for one in opened])}: {error}{left_out}") from error
    for one in opened:
        used = {name for name, (_, subjects) in one.file.categories.items() if subjects}
        try:
            mapped = category_mappings([c for c, _ in one.file.categories.values()], used, common, chosen)
        except FormatError as error:
            raise FormatError(f"{one.file.where}: {error}") from error
        one.file.mappings = mapped
    entries = _put_together(opened, sizes)
    if not entries:
        raise FormatError(f"expected labels of images, got none in {shown([str(path) for path in paths])}")
    return LabelSet([one.file for one in opened], common, len(entries), lambda: iter(entries))


class EntryReader:
    """A converter of entries to instances by rater. `fitters`, one per file, count what is left out."""

    def __init__(self, files: Sequence[LabelFile], chosen: Choices) -> None:
        self._files = files
        self._notes = [Notes() for _ in files]
        self.fitters = [Fitter(f.mappings, chosen, notes) for f, notes in zip(files, self._notes, strict=True)]

    def instances(self, entry: Entry) -> dict[str, Instances]:
        """Return each rater's instances; an empty list for a rater who marked nothing.

        Raises:
            FormatError: a label cannot be read, or a rater labelled the image in two files.
        """
        by_rater: dict[str, Instances] = {}
        for part in entry.parts:
            file, fitter = self._files[part.file], self.fitters[part.file]
            image = LabeledImage(entry.name, in_shares=part.in_shares)
            for label in part.labels:
                subject = _subject(file, label, self._notes[part.file])
                if subject is not None:
                    subject.rater = subject.rater or file.rater
                    image.subjects.append(subject)
            for rater in dict.fromkeys([*part.raters, *(subject.rater for subject in image.subjects)]):
                if rater in by_rater:
                    raise FormatError(
                        f"{file.where}: expected labels of the rater {rater!r} for {entry.name!r} in one file, "
                        "got them in two"
                    )
                instances = fitter.instances(image, rater, (entry.width, entry.height))
                by_rater[rater] = checked(instances, f"{file.where}: {entry.name!r}")
        return by_rater

    def report(self, fitters: Iterable[Sequence[Fitter]] = ()) -> list[str]:
        """Return sentences on what was read and left out. `fitters` are those of other readers, which are included."""
        lines = []
        for others in fitters:
            for mine, other in zip(self.fitters, others, strict=True):
                mine.merge(other)
        for file, fitter in zip(self._files, self.fitters, strict=True):
            lines += [f"{file.where}: {line}" for line in fitter.report()]
            lines += [f"{file.where}: note: {line}" for line in file.notes.lines()]
        return lines


def _subject(file: LabelFile, label: Any, notes: Notes) -> Subject | None:
    if file.reader is not None:
        entry = msgspec.json.decode(label) if isinstance(label, msgspec.Raw) else label
        return file.reader.subject(entry, notes)
    return label if isinstance(label, Subject) else msgspec.convert(label, Subject)


def _results_file(path: Path) -> tuple[Path, Path] | None:
    """Return the workers' file and the skeleton of a results folder; None if the path is not a results folder."""
    if not (path / RESULTS).is_file() or not (path / WORKERS_FILE).is_file():
        return None
    return path / WORKERS_FILE, path / SKELETON_FILE


def _rater_names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each file: its own without the ending, preceded by folders as far as needed to be unique."""
    whole = [Path(os.path.realpath(path)) for path in paths]
    for depth in range(1, 1 + max(len(path.parts) for path in whole)):
        names = ["/".join((*path.parts[-depth:-1], path.stem)) for path in whole]
        if len(set(names)) == len(names):
            return names
    raise FormatError(f"expected every file once, got one twice: {shown([str(path) for path in paths])}")


def _open(path: Path, rater: str, expected_keypoints: int, chosen: Choices) -> _Opened:
    if not path.exists():
        raise FormatError(f"{path}: expected a file or a folder, got no such file")
    try:
        text = path.read_bytes() if path.suffix.lower() in (".json", "") and path.is_file() else b""
        opened = _open_annotations(text.removeprefix(BYTE_ORDER_MARK), path, rater)
        return opened or _opened(read_labels(path, expected_keypoints, chosen.images), path, rater)
    except OSError as error:
        raise FormatError(f"{path}: expected a readable file, got: {error.strerror or error}") from error
    except FormatError as error:
        raise error if str(error).startswith(str(path)) else FormatError(_with_path(str(error), path)) from error


def _with_path(message: str, path: Path) -> str:
    return (
        f"{path}{message.removeprefix(path.name)}"
        if path.name and message.startswith(path.name)
        else f"{path}: {message}"
    )


class _Annotations(msgspec.Struct):
    """A COCO annotation file whose objects are not parsed."""

    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: Any = None


def _open_annotations(text: bytes, path: Path, rater: str) -> _Opened | None:
    """Open a COCO annotation file; None if it is not one, or has numbers that only the lenient reader accepts.

    These are NaN, and numbers that 64 bits cannot hold.
    """
    if not text or is_deeper(text, DEEPEST_DOCUMENT):
        return None
    try:
        document = msgspec.json.decode(text, type=_Annotations)
        images = [msgspec.json.decode(image) for image in document.images]
        given = coco.categories_by_id({"categories": document.categories}, path.name)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    by_id = coco.read_images({"images": images}, path.name)
    notes, reader = Notes(), coco.AnnotationReader(given, path.name)
    labels: dict[Any, list[Any]] = {image_id: [] for image_id in by_id}
    counts: dict[Any, int] = {}
    raters: set[str] = set()
    for start in range(0, len(document.annotations), AT_ONCE):
        part = document.annotations[start : start + AT_ONCE]
        try:
            parsed = [msgspec.json.decode(raw) for raw in part]
        except msgspec.MsgspecError:
            return None
        entries = coco.objects(parsed, f"{path.name}: annotations")
        kept = [(raw, e) for raw, e in zip(part, entries, strict=True) if coco.is_ordinary(e, by_id, notes)]
        reader.scan(entry for _, entry in kept)
        for raw, entry in kept:
            labels[coco.identity(entry["image_id"])].append(raw)
            of = coco.category_id(entry)
            counts[of] = counts.get(of, 0) + 1
            raters.add(coco.rater_of(entry))
    raters |= {name for image in by_id.values() for name in image.raters}
    categories: dict[str, tuple[Category, int]] = {}
    for category_id, category in reader.categories_by_id.items():
        earlier = categories.get(category.name, (category, 0))[1]
        categories[category.name] = (category, earlier + counts.get(category_id, 0))
    file = LabelFile(str(path), coco.ANNOTATIONS, rater, categories, _raters(raters, rater), reader, notes)
    return _Opened(file, list(by_id.values()), list(labels.values()))


def _raters(names: set[str], rater: str) -> set[str]:
    """Return the raters that a file names, with `rater` instead of "" if only some labels have a rater."""
    named = names - {""}
    return named | {rater} if named and "" in names else named


def _opened(read: Labels, path: Path, rater: str) -> _Opened:
    counts: dict[str, int] = {}
    for image in read.images:
        for subject in image.subjects:
            counts[subject.category] = counts.get(subject.category, 0) + 1
    categories = {c.name: (c, counts.get(c.name, 0)) for c in read.categories}
    raters = {*read.raters, *(subject.rater for image in read.images for subject in image.subjects)}
    file = LabelFile(str(path), read.shape, rater, categories, _raters(raters, rater), None, read.notes)
    return _Opened(file, read.images, [list(image.subjects) for image in read.images])


def _all_categories(opened: Sequence[_Opened]) -> dict[str, tuple[Category, int]]:
    categories: dict[str, tuple[Category, int]] = {}
    for one in opened:
        for name, (category, subjects) in one.file.categories.items():
            earlier, before = categories.get(name, (category, 0))
            # Our own files name only the keypoints that occur, so the names of all files are combined.
            more = tuple(n for n in category.keypoints if n not in earlier.keypoints)
            whole = earlier if not more else Category(name, earlier.keypoints + more, earlier.named and category.named)
            categories[name] = (whole, before + subjects)
    return categories


def _put_together(opened: Sequence[_Opened], sizes: Callable[[], Mapping[str, tuple[int, int]]]) -> list[Entry]:
    """Return the images of all files, starting with the first file's. Names that differ only in spelling are merged."""
    entries: dict[str, Entry] = {}
    order = sorted(range(len(opened)), key=lambda number: not all(i.has_ending for i in opened[number].images))
    needs_sizes = any(i.in_shares for one in opened for i in one.images)
    given_sizes = dict(sizes()) if any(not i.width or i.in_shares for one in opened for i in one.images) else {}
    ids = [image.id for image in opened[order[0]].images]
    numbers = [i - 1 for i in ids if i is not None and i <= LARGEST_ID]
    if len(numbers) < len(ids):  # coco.json keeps a file's ids only if all are usable
        numbers = list(range(len(ids)))
    following = count(max(numbers, default=-1) + 1)
    for number in order:
        one = opened[number]
        names = _names_of(one, entries.keys() | given_sizes.keys())
        own = bool(one.file.raters)
        for place, (image, labels, name) in enumerate(zip(one.images, one.labels, names, strict=True)):
            size = given_sizes.get(name, (None, None))
            entry = entries.get(name)
            if entry is None:
                line = numbers[place] if number == order[0] else next(following)
                entry = entries[name] = Entry(line, name, None, None, "", [])
            stated = pixels(image.width), pixels(image.height)
            # Relative coordinates refer to the actual image, so its measured size takes precedence.
            best = (*size, *stated) if image.in_shares else (*stated, *size)
            entry.width = entry.width or best[0] or best[2]
            entry.height = entry.height or best[1] or best[3]
            entry.s3_uri = entry.s3_uri or image.s3_uri
            # The rater of a file that names no raters looked at all of its images.
            raters = sorted(set(image.raters)) if own else [one.file.rater]
            entry.parts.append(Part(number, raters, image.in_shares, labels))
    if needs_sizes and not any(entry.width for entry in entries.values()):
        raise FormatError(
            f"{opened[order[-1]].file.where}: expected the images' sizes, because coordinates are relative to them, "
            "got none; give the folder of the images in --images"
        )
    return list(entries.values())


def _names_of(one: _Opened, image_names: set[str]) -> list[str]:
    """Return a name for each image of a file: the matching one in `image_names`, otherwise the file's own."""
    names = [image.name for image in one.images]
    if not image_names or image_names.issuperset(names):
        return names
    try:
        matched = match_images(one.images, image_names).images
    except FormatError as error:
        raise FormatError(f"{one.file.where}: {error}") from error
    others = {id(image): name for name, image in matched.items()}
    return [others.get(id(image), image.name) for image in one.images]
