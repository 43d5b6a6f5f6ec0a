"""Import of pre-labels: converts labels or predictions from a file of any format to instances of a job's skeleton."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truepoint.formats.detection import READ, read_labels
from truepoint.formats.labels import (
    Category,
    FormatError,
    Instance,
    LabeledImage,
    Labels,
    Notes,
    Subject,
    number,
    scaled,
    shown,
)
from truepoint.formats.names import KeypointNames, Matched, map_keypoints, match_images, read_keypoint_names
from truepoint.formats.own import SHAPE as OWN_SHAPE
from truepoint.pose.instance import LONGEST_ID, OCCLUDED, VISIBLE, InstanceError, parse_instances
from truepoint.pose.skeleton import Skeleton

Instances = tuple[dict[str, Any], ...]
"""Instances of one image in the shape of docs/formats.md."""

Sizes = Mapping[str, tuple[int | None, int | None]]
"""Width and height of the job's images in pixels, by image name."""


class PrelabelError(ValueError):
    """Pre-labels that cannot be used. The message names the file, what was expected and what the file contains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """The operator's choices for a file of labels.

    Attributes:
        keypoint_names: maps keypoint names of the file to the skeleton's, in addition to equal names and aliases.
        rater: id of the rater whose labels are imported; required if the file has several raters.
        min_score: keypoints with a lower score are left out.
        occluded_below: keypoints with a lower score become occluded, unless the file contains their visibility.
        min_instance_score: instances with a lower score are left out.
        images: the COCO annotation file that defines the image ids of a COCO results list.
    """

    keypoint_names: KeypointNames | None = None
    rater: str | None = None
    min_score: float | None = None
    occluded_below: float | None = None
    min_instance_score: float | None = None
    images: Path | None = None


@dataclass(frozen=True, slots=True)
class Prelabels:
    """Pre-labels of a job.

    Attributes:
        by_rater: instances by rater id (empty if the file names no rater), then by the job's image name.
        report: sentences for the operator: what was read, matched and left out.
    """

    by_rater: dict[str, dict[str, Instances]]
    report: tuple[str, ...]

    @property
    def instances(self) -> dict[str, Instances]:
        """Return the instances of the only rater by image name, without images that have none."""
        (only,) = self.by_rater.values() or ({},)
        return {name: instances for name, instances in only.items() if instances}


def add_options(parser: argparse.ArgumentParser, what: str = "pre-labels") -> None:
    """Add to a command the options that name a file of labels and say how it is read; `what` is the group's title."""
    group = parser.add_argument_group(what, f"accepted formats: {READ}")
    group.add_argument(
        "--prelabels", "--coco", type=Path, metavar="FILE", help="file or folder; the format is detected"
    )
    add_choices(group)


def add_choices(group: Any) -> None:
    """Add the options that say how a file of labels is read."""
    group.add_argument(
        "--keypoint-names", type=Path, metavar="FILE",
        help="JSON: {name in the labels: name in the skeleton or null}, or the labels' names in order",
    )  # fmt: skip
    group.add_argument("--rater", metavar="ID", help="rater whose labels to use, if the file has several")
    group.add_argument(
        "--min-score", type=float, metavar="S", help="leave out keypoints with a lower score; default: keep all above 0"
    )
    group.add_argument(
        "--occluded-below", type=float, metavar="S",
        help="keypoints with a lower score become occluded (visibility 1); default: all become visible (2)",
    )  # fmt: skip
    group.add_argument("--min-instance-score", type=float, metavar="S", help="leave out instances with a lower score")
    group.add_argument(
        "--prelabel-images", type=Path, metavar="FILE",
        help="COCO annotations that define the image ids of a results list; default: ids are numbers in image names",
    )  # fmt: skip


def choices(options: argparse.Namespace) -> Choices:
    """Return the choices from a command's options.

    Raises:
        PrelabelError: a score is not a number from 0, or the file of keypoint names is unusable.
    """
    for name in ("min_score", "occluded_below", "min_instance_score"):
        value = getattr(options, name)
        if value is not None and not value >= 0:
            raise PrelabelError(f"--{name.replace('_', '-')}: expected a number from 0, got {value}")
    try:
        names = None if options.keypoint_names is None else read_keypoint_names(options.keypoint_names)
    except FormatError as error:
        raise PrelabelError(str(error)) from error
    return Choices(
        keypoint_names=names,
        rater=options.rater,
        min_score=options.min_score,
        occluded_below=options.occluded_below,
        min_instance_score=options.min_instance_score,
        images=options.prelabel_images,
    )


def read_file(path: Path, skeleton: Skeleton, chosen: Choices) -> Labels:
    """Read a file of labels; its format is detected.

    Raises:
        PrelabelError: no reader recognises the format, or the file cannot be used.
        OSError: the file cannot be read.
    """
    try:
        return read_labels(path, len(skeleton.keypoints), chosen.images)
    except FormatError as error:
        raise PrelabelError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Job:
    """The skeleton and the image sizes of the job that the labels are for."""

    skeleton: Skeleton
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class Source:
    """A source of subjects for one image at a time, used if all subjects together would not fit into memory.

    Attributes:
        used: names of the categories with subjects.
        subjects: returns an image's subjects.
        kept: converts an image's instances to the value that `Prelabels` stores.
    """

    used: Set[str]
    subjects: Callable[[LabeledImage], list[Subject]]
    kept: Callable[[Instances], Any]


def fit(
    labels: Labels,
    job: Job,
    chosen: Choices,
    where: str,
    *,
    several_raters: bool = False,
    source: Source | None = None,
) -> Prelabels:
    """Convert labels to instances of a job's skeleton and images.

    Args:
        labels: the labels.
        job: the skeleton and the images.
        chosen: the operator's choices.
        where: the file's name, for messages.
        several_raters: whether to accept several raters and return the labels of each, for scripted workers.
        source: source of the subjects of images; None if `labels` contains them.

    Raises:
        PrelabelError: no image matches, two images of the labels match one image of the job, no category fits the
            skeleton, the labels have several raters and none is chosen, or an instance is not valid.
    """
    raters = labels.raters
    if chosen.rater is not None and chosen.rater not in raters:
        raise PrelabelError(f"{where}: expected labels of the rater {chosen.rater!r}, got those of {shown(raters)}")
    if len(raters) > 1 and chosen.rater is None and not several_raters:
        several = f"{len(raters)} ({shown(raters)})"
        raise PrelabelError(f"{where}: expected labels of one rater, got those of {several}; choose with --rater")
    if not labels.images:
        notes = "".join(f"; {note}" for note in labels.notes.lines())
        raise PrelabelError(f"{where}: expected labels of images, got none ({labels.shape}{notes})")
    try:
        matched = match_images(labels.images, job.sizes)
        used = source.used if source else {s.category for image in labels.images for s in image.subjects}
        mappings = category_mappings(labels.categories, used, job.skeleton, chosen)
    except FormatError as error:
        raise PrelabelError(f"{where}: {error}") from error
    if not matched.images:
        raise PrelabelError(
            f"{where}: expected labels of images such as {shown(sorted(job.sizes))}, "
            f"got {shown([image.name for image in labels.images])}. Nothing was created"
        )
    fitter = Fitter(mappings, chosen, labels.notes)
    by_rater: dict[str, dict[str, Instances]] = {
        rater: {} for rater in ([chosen.rater] if chosen.rater is not None else raters or ("",))
    }
    read, kept = Counter[str](), Counter[str]()
    names = {id(image): name for name, image in matched.images.items()}
    for image in labels.images:
        if source:
            image.subjects = source.subjects(image)
        _count(read, [subject.instance for subject in image.subjects])
        looked = {*image.raters, *(subject.rater for subject in image.subjects)} or {""}
        name = names.get(id(image), "")
        for rater, by_image in by_rater.items():
            if name and rater in looked:
                width, height = job.sizes[name]
                size = width or image.width, height or image.height
                instances = checked(fitter.instances(image, rater, size), f"{where}: {image.name!r}")
                _count(kept, instances)
                by_image[name] = source.kept(instances) if source else instances
        if source:
            image.subjects = []
    report = (
        f"{where}: {labels.shape}: read {len(labels.images)} images, {_counted(read)}",
        f"matched {len(matched.images)} images, {_counted(kept)}",
        *_report(matched, [rater for rater in raters if rater not in by_rater]),
        *_size_report(matched, job.sizes),
    )
    # Duplicates are removed: categories with the same name or the same keypoints give the same sentences.
    of_keypoints = dict.fromkeys(_keypoint_report(labels, mappings, job.skeleton))
    return Prelabels(by_rater, (*report, *of_keypoints, *fitter.report()))


def read_prelabels(path: Path, skeleton: Skeleton, sizes: Sizes, chosen: Choices) -> Prelabels:
    """Read a file of labels and convert them to a job's pre-labels; see `read_file` and `fit`."""
    return fit(read_file(path, skeleton, chosen), Job(skeleton, sizes), chosen, path.name)


def category_mappings(
    categories: Sequence[Category], used: Set[str], skeleton: Skeleton, chosen: Choices
) -> dict[str, dict[str, str]]:
    """Return, for each category that fits the skeleton, the skeleton's keypoint names by the file's.

    A category with keypoints fits if at least one of them maps to the skeleton. A category without keypoints fits if it
    is the only one in use, or has no name or the skeleton's name.

    Args:
        categories: the file's categories.
        used: names of the categories with subjects.
        skeleton: the job's skeleton.
        chosen: the operator's choices.

    Returns:
        The mapping of each category, by category name.

    Raises:
        FormatError: no category in use fits.
    """
    mappings: dict[str, dict[str, str]] = {}
    problem: FormatError | None = None
    for category in categories:
        if not category.keypoints:
            others = [c for c in categories if c is not category and c.name in used]
            if not others or category.name.casefold() in (skeleton.name.casefold(), ""):
                mappings.setdefault(category.name, {})
            continue
        try:
            mapping = map_keypoints(category, skeleton, chosen.keypoint_names)
        except FormatError as error:
            problem = error
            continue
        if mapping:  # several categories may have one name
            mappings[category.name] = mappings.get(category.name, {}) | mapping
    if used and not used & mappings.keys():
        if problem is not None and len(categories) == 1:
            raise problem
        raise FormatError(
            f"expected a category with keypoints of the skeleton ({', '.join(skeleton.keypoint_names)}), "
            f"got {_categories(categories)}"
        )
    return mappings


def _categories(categories: Iterable[Category]) -> str:
    return "; ".join(f"{c.name!r}: {', '.join(c.keypoints) or 'no keypoints'}" for c in categories) or "no category"


class Fitter:
    """A converter of subjects to instances of the skeleton, which also applies the operator's score limits.

    It counts what it leaves out, for `report`.
    """

    def __init__(self, mappings: Mapping[str, Mapping[str, str]], chosen: Choices, notes: Notes) -> None:
        self._mappings = mappings
        self._chosen = chosen
        self._notes = notes
        self._scored_keypoints = 0
        self._scored_instances = 0
        self._categories: dict[str, None] = {}

    def instances(self, image: LabeledImage, rater: str, size: tuple[int | None, int | None]) -> list[Instance]:
        """Return the instances that a rater labelled in an image, in pixels.

        Args:
            image: the labels of one image.
            rater: id of the rater.
            size: width and height in pixels; None if unknown.
        """
        subjects = [subject for subject in image.subjects if subject.rater == rater]
        if image.in_shares and not (size[0] and size[1]):
            for _ in subjects:
                self._notes.add("instances left out, because the size of their image is unknown", image.name)
            return []
        fitted = [self._instance(subject, image) for subject in subjects]
        kept = [instance for instance in fitted if instance is not None]
        return [_in_pixels(instance, size) for instance in kept] if image.in_shares else kept

    def merge(self, later: Fitter) -> None:
        """Add the counts of a fitter of other images."""
        self._scored_keypoints += later._scored_keypoints
        self._scored_instances += later._scored_instances
        self._categories |= later._categories
        self._notes.merge(later._notes)

    def report(self) -> Iterator[str]:
        """Yield sentences for the operator: how scores were used, then the notes on what was left out."""
        least, occluded = self._chosen.min_score, self._chosen.occluded_below
        if self._scored_keypoints:
            kept = "above 0" if least is None else f"of at least {least}"
            became = "visible" if occluded is None else f"occluded below {occluded}, otherwise visible"
            yield (
                f"scores of {self._scored_keypoints} keypoints were read; keypoints with a score {kept} are labelled, "
                f"and are {became} if the file has no visibility (--min-score, --occluded-below)"
            )
        if self._scored_instances:
            yield f"scores of {self._scored_instances} instances were read (--min-instance-score leaves out low ones)"
        if len(self._categories) > 1:
            yield f"note: {len(self._categories)} categories were read as one: {shown(sorted(self._categories))}"
        for note in self._notes.lines():
            yield f"note: {note}"

    def _instance(self, subject: Subject, image: LabeledImage) -> Instance | None:
        where = f"{image.name} {subject.instance.get('id', '')}".strip()
        mapping = self._mappings.get(subject.category)
        if mapping is None:
            category = f"{subject.category!r} does not match the skeleton"
            self._notes.add(f"instances left out, because their category {category}", where)
            return None
        if subject.category:
            self._categories[subject.category] = None
        score, least = self._score(subject.instance, where), self._chosen.min_instance_score
        if score is not None:
            self._scored_instances += 1
            if least is not None and score < least:
                self._notes.add(f"instances left out, because their score is below {least}", where)
                return None
        points: dict[str, Instance | None] = {}
        for point in subject.instance["annotations"]:
            if point["label"] in points:
                self._notes.add(
                    "keypoints left out, because the instance has their label twice", f"{where} {point['label']}"
                )
            else:
                points[point["label"]] = self._keypoint(point, mapping, where)
        kept = [point for point in points.values() if point is not None]
        if points and not kept and "box" not in subject.instance:
            self._notes.add("instances left out, because they have neither a remaining keypoint nor a box", where)
            return None
        fitted = subject.instance | {"annotations": kept}
        if len(fitted.get("id") or "") > LONGEST_ID:
            self._notes.add(f"ids left out, because they have more than {LONGEST_ID} characters", where)
            del fitted["id"]
        return fitted

    def _score(self, scored: Instance, where: str) -> float | None:
        """Return the score of an instance or a keypoint; remove it, with a note, if it is not a number."""
        score = number(scored.get("score"))
        if score is None and scored.pop("score", None) is not None:
            self._notes.add("scores left out, because they are not numbers", where)
        if score is not None:
            scored["score"] = score  # a number, if it was text
        return score

    def _keypoint(self, point: Instance, mapping: Mapping[str, str], where: str) -> Instance | None:
        label = mapping.get(point["label"])
        if label is None:
            self._notes.add(f"keypoints {point['label']!r} left out: the skeleton does not have them", where)
            return None
        keypoint = point | {"label": label}
        score, least, occluded = self._score(keypoint, where), self._chosen.min_score, self._chosen.occluded_below
        if score is None:
            return keypoint
        if least is not None and score < least:
            self._notes.add(f"keypoints left out, because their score is below {least}", f"{where} {label}")
            return None
        if score <= 0 and "visibility" not in point:
            self._notes.add("keypoints left out, because their score is not above 0", f"{where} {label}")
            return None
        self._scored_keypoints += 1
        return {"visibility": OCCLUDED if occluded is not None and score < occluded else VISIBLE} | keypoint


def _in_pixels(instance: Instance, size: tuple[int | None, int | None]) -> Instance:
    width, height = size[0] or 0, size[1] or 0
    points = [p | {"x": scaled(p["x"], width), "y": scaled(p["y"], height)} for p in instance["annotations"]]
    scaled_instance = instance | {"annotations": points}
    if "box" in scaled_instance:
        scaled_instance["box"] = [
            scaled(side, height if i % 2 else width) for i, side in enumerate(scaled_instance["box"])
        ]
    return scaled_instance


def checked(instances: list[Instance], where: str) -> Instances:
    """Validate instances, and return them without empty texts and without keypoints that are not labelled.

    Raises:
        PrelabelError: the instances are not in the format of docs/formats.md.
    """
    try:
        parse_instances(instances)
    except InstanceError as error:
        raise PrelabelError(f"{where}: {error}") from error
    kept = []
    for instance in instances:
        points = [point for point in instance["annotations"] if point.get("visibility") != 0]
        kept.append({key: value for key, value in instance.items() if value != ""} | {"annotations": points})
    return tuple(kept)


def _count(counts: Counter[str], instances: Sequence[Instance]) -> None:
    counts["instances"] += len(instances)
    counts["keypoints"] += sum(len(instance["annotations"]) for instance in instances)


def _counted(counts: Counter[str]) -> str:
    return f"{counts['instances']} instances, {counts['keypoints']} keypoints"


def _report(matched: Matched, others: Sequence[str]) -> Iterator[str]:
    """Yield sentences on images and raters that were left out, and on images matched by a part of their name."""
    if others:
        yield f"left out the labels of {len(others)} other raters: {shown(others)}"
    if matched.unmatched:
        count = len(matched.unmatched)
        yield f"left out the labels of {count} images that do not exist: {shown(matched.unmatched)}"
    if matched.by_name_only:
        count = len(matched.by_name_only)
        yield f"warning: {count} images were matched by file name, in another folder: {shown(matched.by_name_only)}"
    if matched.by_number:
        count = len(matched.by_number)
        yield f"{count} images were matched by the number at the end of their name: {shown(matched.by_number)}"


def _size_report(matched: Matched, sizes: Sizes) -> Iterator[str]:
    """Yield a warning if images have another size in the labels than in the job."""
    different = []
    for name, image in matched.images.items():
        said, actual = (image.width, image.height), sizes[name]
        if None not in (*said, *actual) and said != actual and not image.in_shares:
            different.append(f"{image.name} ({said[0]}x{said[1]} in the labels, {actual[0]}x{actual[1]} upright)")
    if different:
        yield (
            f"warning: the size of {len(different)} images differs from the size in the labels, so keypoints may be at "
            f"wrong positions: {shown(different)}"
        )


def _keypoint_report(labels: Labels, mappings: Mapping[str, Mapping[str, str]], skeleton: Skeleton) -> Iterator[str]:
    """Yield sentences on how the labels' keypoints and the skeleton's differ."""
    for category in labels.categories:
        mapping = mappings.get(category.name)
        if not mapping:
            continue
        missing = [name for name in skeleton.keypoint_names if name not in mapping.values()]
        if missing and labels.shape != OWN_SHAPE:  # our own file names only the keypoints that occur
            yield f"warning: the labels lack {len(missing)} keypoints of the skeleton: {shown(missing)}"
        extra = [name for name in category.keypoints if name not in mapping]
        if extra:
            yield f"warning: the skeleton lacks {len(extra)} keypoints of the labels: {shown(extra)}"
        if not category.named:
            yield "the keypoints in the labels have no names: they are assumed to be in the order of the skeleton"
        elif renamed := [f"{name} → {target}" for name, target in mapping.items() if name != target]:
            yield f"keypoints renamed: {', '.join(renamed)}"
