"""Set-up of a new job's anchoring experiment: pre-labels are withheld in some images and made wrong in others.

The selection and the changes depend only on a secret seed, the job's name and the image's name. Workers get the
pre-labels through the manifest, like all pre-labels. The treatment of each image is recorded in files that only the
operator and post_annotation can read (`groundtruth.anchoring`).
"""

from __future__ import annotations

import argparse
import math
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import ClientError

from truepoint.consensus.matching import LEAST_SIMILARITY
from truepoint.groundtruth.anchoring import (
    HALF,
    VERSION,
    ImageRecord,
    SeededError,
    Settings,
    drawn,
    lot,
    parse_settings,
    record_name,
)
from truepoint.jobs.launch import Document
from truepoint.jobs.prelabels import Instances, PrelabelError, Sizes
from truepoint.keys import job_keys
from truepoint.pose.instance import Instance, distance, parse_instances
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.similarity import area, symmetric_oks
from truepoint.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MOVED_SIGMAS = 6.0
"""Distance by which a wrong keypoint is moved, in units of sigma s. It is 2.5 times `HALF`, so that circles of radius
`HALF` around the right and the wrong position do not touch. A careful worker's label is that far from the right
position in one of 4e15 cases (exp(-36))."""
LARGEST_SHARE = 0.5
"""Maximum share of images that are treated. With more, the job would benefit too little from its pre-labels."""
DIRECTIONS = 16
"""Number of directions that are tried to move a keypoint within the image."""


@dataclass(frozen=True, slots=True)
class Shares:
    """The shares of images whose pre-labels are withheld, and that get a wrong pre-label."""

    withheld: float
    seeded: float


@dataclass(frozen=True, slots=True)
class Treated:
    """The pre-labels that workers see, the files that record the treatment, and sentences for the operator."""

    prelabels: dict[str, Instances]
    documents: tuple[Document, ...]
    report: tuple[str, ...]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the experiment to a command that takes pre-labels."""
    group = parser.add_argument_group(
        "anchoring", "measures how far workers leave pre-labels as they are (docs/prelabels.md)"
    )
    group.add_argument(
        "--withhold", type=float, default=0.0, metavar="SHARE",
        help="share of images whose pre-labels are not shown, as in 0.1; default: none",
    )  # fmt: skip
    group.add_argument(
        "--seed-errors", type=float, default=0.0, metavar="SHARE",
        help="share of images with one pre-label made wrong; those that survive are corrected; default: none",
    )  # fmt: skip


def shares(options: argparse.Namespace) -> Shares | None:
    """Return the shares in a command's options; None if both are 0, which means no experiment.

    Raises:
        PrelabelError: a share is out of range, or there are no pre-labels.
    """
    asked = Shares(options.withhold, options.seed_errors)
    for name, share in (("--withhold", asked.withheld), ("--seed-errors", asked.seeded)):
        if not 0 <= share <= LARGEST_SHARE:
            raise PrelabelError(f"{name}: expected a share from 0 to {LARGEST_SHARE}, got {share}")
    if not asked.withheld and not asked.seeded:
        return None
    if options.prelabels is None:
        raise PrelabelError("--withhold and --seed-errors: expected pre-labels (--prelabels), got none")
    if asked.withheld + asked.seeded > LARGEST_SHARE:
        total = f"{asked.withheld + asked.seeded:g}"
        raise PrelabelError(f"--withhold and --seed-errors: expected at most {LARGEST_SHARE} together, got {total}")
    return asked


def seed_of(s3: S3Client, bucket: str, job: str) -> str:
    """Return the seed of the job's experiment, or a new one if the job has no experiment yet.

    With the stored seed, a repeated creation of the job changes nothing.

    Raises:
        AnchoringError: the stored settings are damaged.
    """
    try:
        body = s3.get_object(Bucket=bucket, Key=job_keys(job).anchoring)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchKey":
            raise
        return secrets.token_hex(32)
    return parse_settings(body).seed


def treat(
    given: Mapping[str, Instances], sizes: Sizes, skeleton: Skeleton, job: str, asked: Shares, *, seed: str
) -> Treated:
    """Withhold and change pre-labels for the experiment, without any call to AWS.

    Args:
        given: the operator's pre-labels, by image name.
        sizes: width and height in pixels of all images of the job, by image name.
        skeleton: the job's skeleton.
        job: the job's name.
        asked: the shares of images.
        seed: the secret seed. The same seed gives the same result.
    """
    keys, table = job_keys(job), sigma_table(skeleton)
    settings = Settings(version=VERSION, seed=seed, withheld=asked.withheld, seeded=asked.seeded)
    prelabels = {name: instances for name, instances in given.items() if instances}
    documents = [_document(keys.anchoring, settings)]
    counts: Counter[str] = Counter()
    for name, size in sizes.items():
        treatment = drawn(settings, job, name)
        if treatment == "none":
            continue
        instances = prelabels.get(name, ())
        record = ImageRecord(version=VERSION, treatment="none")
        if instances and treatment == "withheld":
            record = ImageRecord(version=VERSION, treatment="withheld", given=list(instances))
            del prelabels[name]
            counts["withheld"] += 1
        elif instances:
            given_here = list(instances)
            seeder = _Seeder(given_here, parse_instances(given_here), size, table, _Draws(seed, job, name))
            if seeded := seeder.seeded():
                shown, error = seeded
                record = ImageRecord(
                    version=VERSION, treatment="seeded", given=list(instances), shown=shown, error=error
                )
                prelabels[name] = tuple(shown)
                counts[error.kind] += 1
        documents.append(_document(f"{keys.anchoring_records}{record_name(name)}", record))
    return Treated(prelabels, tuple(documents), tuple(_report(counts)))


def _report(counts: Counter[str]) -> Iterator[str]:
    withheld = counts.pop("withheld", 0)
    kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items()))
    yield f"the pre-labels of {withheld} images are withheld"
    yield f"{counts.total()} images get a wrong pre-label" + (f" ({kinds})" if kinds else "")


def _document(key: str, value: Any) -> Document:
    return Document(key, msgspec.json.encode(value), "application/json")


class _Draws:
    """Pseudorandom numbers for one image, which are the same in every version of Python."""

    def __init__(self, seed: str, job: str, image: str) -> None:
        self._of = (seed, job, image)
        self._drawn = 0

    def __call__(self) -> float:
        self._drawn += 1
        return lot(*self._of, f"error {self._drawn}")

    def shuffled(self, values: list[Any]) -> list[Any]:
        return [value for _, value in sorted(((self(), n), value) for n, value in enumerate(values))]


Shown = tuple[list[dict[str, Any]], SeededError]


@dataclass(frozen=True, slots=True)
class _Seeder:
    """A generator of one error in an image's pre-labels. Each kind's method returns None if that kind is impossible.

    Attributes:
        given: the pre-labels.
        instances: the pre-labels as instances.
        size: width and height of the image, in pixels.
        table: sigmas of the job's skeleton.
        draw: the image's random numbers.
    """

    given: list[dict[str, Any]]
    instances: list[Instance]
    size: tuple[int | None, int | None]
    table: SigmaTable
    draw: _Draws

    def seeded(self) -> Shown | None:
        """Return the pre-labels with one error, of a random kind among the possible ones."""
        kinds: list[Callable[[], Shown | None]] = [self.swap, self.move, self.leave_out, self.add]
        made: Iterator[Shown | None] = (kind() for kind in self.draw.shuffled(kinds))
        return next((shown for shown in made if shown), None)

    def swap(self) -> Shown | None:
        """Swap the positions of a left and a right keypoint that are far enough apart."""
        candidates = [
            (n, label, pair)
            for n, instance in enumerate(self.instances)
            for label, pair in self.table.pairs.items()
            if label < pair and {label, pair} <= instance.by_label.keys() and self._apart(instance, label, pair)
        ]
        if not candidates:
            return None
        n, label, pair = self._one_of(candidates)
        by_label = self.instances[n].by_label
        exchanged = {
            a: {"x": by_label[b].x, "y": by_label[b].y, "visibility": by_label[b].visibility}
            for a, b in ((label, pair), (pair, label))
        }
        return self._with(n, exchanged), SeededError(kind="swap", instance=n, labels=(label, pair))

    def move(self) -> Shown | None:
        """Move a keypoint by `MOVED_SIGMAS` within the image."""
        candidates = [(n, k) for n, instance in enumerate(self.instances) for k in instance.annotations]
        for n, keypoint in self.draw.shuffled(candidates):
            far = MOVED_SIGMAS * self.table.sigma(keypoint.label) * math.sqrt(area(self.instances[n])[0])
            start = self.draw()
            for step in range(DIRECTIONS):
                turn = 2 * math.pi * (start + step / DIRECTIONS)
                x, y = keypoint.x + far * math.cos(turn), keypoint.y + far * math.sin(turn)
                if self._inside(x, y):
                    error = SeededError(kind="moved", instance=n, labels=(keypoint.label,), sigmas=MOVED_SIGMAS)
                    return self._with(n, {keypoint.label: {"x": x, "y": y}}), error
        return None

    def leave_out(self) -> Shown | None:
        """Leave out a keypoint of an instance that has several."""
        several = [(n, instance) for n, instance in enumerate(self.instances) if len(instance.annotations) > 1]
        candidates = [(n, keypoint.label) for n, instance in several for keypoint in instance.annotations]
        if not candidates:
            return None
        n, label = self._one_of(candidates)
        kept = [k for k in self.given[n]["annotations"] if k["label"] != label]
        shown = [*self.given[:n], self.given[n] | {"annotations": kept}, *self.given[n + 1 :]]
        return shown, SeededError(kind="missing", instance=n, labels=(label,))

    def add(self) -> Shown | None:
        """Add a copy of an instance beside, above or below it, within the image and not similar to another one."""
        for n in self.draw.shuffled([n for n, i in enumerate(self.instances) if i.hull and max(i.hull[2:]) > 0]):
            left, top, width, height = self.instances[n].box or self.instances[n].hull or (0, 0, 0, 0)
            for dx, dy in self.draw.shuffled([(width, 0.0), (-width, 0.0), (0.0, height), (0.0, -height)]):
                if not (dx or dy) or not self._inside(left + dx, top + dy):
                    continue
                copy = self._copy(n, dx, dy)
                [extra] = parse_instances([copy])
                alike = any(symmetric_oks(extra, i, self.table.sigmas) >= LEAST_SIMILARITY for i in self.instances)
                if not alike and self._inside(left + width + dx, top + height + dy):
                    place = int(self.draw() * (len(self.given) + 1))
                    shown = [*self.given[:place], copy, *self.given[place:]]
                    return shown, SeededError(kind="extra", instance=place)
        return None

    def _one_of(self, candidates: list[Any]) -> Any:
        return candidates[int(self.draw() * len(candidates))]

    def _apart(self, instance: Instance, label: str, pair: str) -> bool:
        """Return whether circles of radius `HALF` around a keypoint and its pair do not touch."""
        p, q = instance.by_label[label], instance.by_label[pair]
        sigmas = self.table.sigma(label) + self.table.sigma(pair)
        return distance(p, q) > HALF * sigmas * math.sqrt(area(instance)[0])

    def _inside(self, x: float, y: float) -> bool:
        width, height = self.size
        return x >= 0 and y >= 0 and (width is None or x < width) and (height is None or y < height)

    def _with(self, n: int, changes: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the pre-labels with changed keypoints in one instance, in the same order and with the same scores."""
        points = [k | changes.get(k["label"], {}) for k in self.given[n]["annotations"]]
        return [*self.given[:n], self.given[n] | {"annotations": points}, *self.given[n + 1 :]]

    def _copy(self, n: int, dx: float, dy: float) -> dict[str, Any]:
        """Return a moved copy of an instance. Its id, and a name that ends with a number, get the next free number."""
        copy = dict(self.given[n])
        copy["annotations"] = [k | {"x": k["x"] + dx, "y": k["y"] + dy} for k in copy["annotations"]]
        if box := copy.get("box"):
            copy["box"] = [box[0] + dx, box[1] + dy, *box[2:]]
        for member in ("id", "name"):
            text = copy.get(member)
            if text and (member == "id" or text[-1].isdigit()):
                copy[member] = _next(text, {other.get(member) for other in self.given})
        return copy


def _next(text: str, taken: set[Any]) -> str:
    """Return the text with the next free number at its end."""
    stem = text.rstrip("0123456789")
    number = int(text[len(stem) :] or 1)
    while (other := f"{stem}{number}") in taken or other == text:
        number += 1
    return other
