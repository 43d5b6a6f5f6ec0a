"""Anchoring: the tendency of workers to leave pre-labels unchanged, measured by an experiment inside a job.

A random share of a job's images is shown without pre-labels. In another share one pre-label of each image is made wrong
on purpose (docs/prelabels.md, decision 32). `jobs.anchoring` selects and changes these images. This module reads which
treatment an image had, counts the worker's changes of pre-labels, and removes remaining errors from the answer before
the answer is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import msgspec

from truepoint.consensus.same_subjects import match_instances
from truepoint.groundtruth.answer import ORIGINAL_TOLERANCE, Answer
from truepoint.json_text import JsonError, decode
from truepoint.pose.instance import Instance, InstanceError, Keypoint, distance, parse_instances, same_instances
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import area

T = TypeVar("T")

VERSION = "1.0"
LARGEST_RECORD = 16 * 1024 * 1024
"""Maximum size of an image's record, in bytes. It contains the pre-labels twice, each of up to 2 MB, with a margin."""
HALF = math.sqrt(8 * math.log(2))
"""Distance at which the OKS of one keypoint, exp(-d^2 / (8 s^2 sigma^2)), is 0.5, in units of sigma s. One of 250
careful workers is farther from the right position."""

Kind = Literal["swap", "moved", "missing", "extra"]
Treatment = Literal["withheld", "seeded", "none"]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


class AnchoringError(ValueError):
    """A file of the experiment that cannot be used. The message says what was expected and what it contains."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The file jobs/<job>/anchoring.json: the secret seed, and the shares of images with each treatment."""

    version: str
    seed: Annotated[str, msgspec.Meta(min_length=32, max_length=128)]
    withheld: Share
    seeded: Share


class SeededError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The error in the pre-labels that were shown.

    `instance` is the index of the wrong instance: in `shown` for the kind `extra`, otherwise in both `given` and
    `shown`. `labels` are the wrong keypoints; none for an extra instance. `sigmas` is the distance by which a keypoint
    was moved, in units of its sigma times the square root of the area.
    """

    kind: Kind
    instance: Annotated[int, msgspec.Meta(ge=0)]
    labels: tuple[str, ...] = ()
    sigmas: float | None = None


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The file jobs/<job>/anchoring/<digest>.json: the treatment of one image's pre-labels.

    `given` are the operator's pre-labels. `shown` are the pre-labels that workers see, if an error was made. An image
    that was selected but has no pre-labels, or none that can be made wrong, has the treatment `none`.
    """

    version: str
    treatment: Treatment
    given: list[Any] = []
    shown: list[Any] = []
    error: SeededError | None = None


class ImageTreatment(NamedTuple):
    """The treatment of an image's pre-labels; None as `record` means no treatment.

    `own` is False in another job that shows images of the experiment's job, such as a job whose input is the output
    manifest of that job. Its workers may see the same pre-labels.
    """

    record: ImageRecord | None
    own: bool = True


class Anchoring(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The changes that one worker made to the pre-labels of one image.

    Attributes:
        kind: the kind of the wrong pre-label that was shown; None if none was shown.
        stayed: whether the worker left the wrong pre-label. It is removed from the answer.
        shown: number of pre-labelled keypoints that were placed at the start, in an image without a wrong pre-label.
        moved: number of those that the worker removed, or moved farther than `HALF`.
        withheld: number of pre-labelled keypoints that were not shown.
        elsewhere: number of those that the worker did not label, or labelled farther away than `HALF`.
    """

    kind: Kind | None = None
    stayed: bool = False
    shown: int = 0
    moved: int = 0
    withheld: int = 0
    elsewhere: int = 0


def parse_settings(text: bytes) -> Settings:
    """Parse jobs/<job>/anchoring.json.

    Raises:
        AnchoringError: the text does not contain valid settings.
    """
    settings = _converted(text, Settings, "the settings of an anchoring experiment")
    if settings.withheld + settings.seeded > 1:
        raise AnchoringError(f"expected shares of at most 1 together, got {settings.withheld + settings.seeded}")
    return settings


def parse_record(text: bytes) -> ImageRecord:
    """Parse jobs/<job>/anchoring/<digest>.json.

    Raises:
        AnchoringError: the text does not contain a record, or the record contradicts itself.
    """
    record = _converted(text, ImageRecord, "an image's record of an anchoring experiment")
    try:
        given, shown = parse_instances(record.given), parse_instances(record.shown)
    except InstanceError as error:
        raise AnchoringError(f"an image's record of an anchoring experiment: {error}") from error
    if record.treatment == "seeded":
        _check_error(record.error, given, shown)
    return record


def _check_error(error: SeededError | None, given: Sequence[Instance], shown: Sequence[Instance]) -> None:
    if error is None:
        raise AnchoringError("expected the error of a seeded image, got none")
    if error.instance >= len(shown) or (error.kind != "extra" and error.instance >= len(given)):
        raise AnchoringError(f"expected the index of a shown instance, got {error.instance} of {len(shown)}")
    if error.kind == "extra":
        return
    there = set(given[error.instance].by_label)
    if error.kind != "missing":
        there &= shown[error.instance].by_label.keys()
    if not error.labels or not set(error.labels) <= there:
        raise AnchoringError(f"expected keypoints of the given instance, got {', '.join(error.labels) or 'none'}")


def drawn(settings: Settings, job: str, image: str) -> Treatment:
    """Return the treatment that is drawn for an image. It depends only on the seed, the job and the image's name.

    Args:
        settings: the experiment's settings.
        job: the job's name.
        image: the image's path below the job's image folder.
    """
    share = lot(settings.seed, job, image)
    if share < settings.withheld:
        return "withheld"
    return "seeded" if share < settings.withheld + settings.seeded else "none"


def lot(seed: str, job: str, image: str, purpose: str = "treatment") -> float:
    """Return a pseudorandom number in [0, 1) that cannot be predicted without the seed."""
    digest = blake2b("\0".join((job.lower(), image, purpose)).encode(), key=seed.encode()[:64], digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def record_name(image: str) -> str:
    """Return the file name of an image's record. It is a digest, because an image's name can be as long as a key."""
    return f"{blake2b(image.encode(), digest_size=16).hexdigest()}.json"


def of_answer(
    answer: Answer, record: ImageRecord | None, table: SigmaTable, *, own: bool = True
) -> tuple[Answer, Anchoring | None]:
    """Return an answer without remaining wrong pre-labels, and the worker's changes of pre-labels.

    A keypoint that the worker left at its wrong position, or did not notice as missing, is replaced by the operator's
    pre-label. An extra instance is removed. So the answer is as if the worker had left the operator's pre-label.

    Args:
        answer: the worker's answer.
        record: the image's record; None if the image was not treated.
        table: sigmas of the job's skeleton.
        own: whether the job is the experiment's. In another job the answer counts only if the worker saw the wrong
            pre-labels.
    """
    if not own and (record is None or record.error is None or not _saw(answer, record)):
        return answer, None
    if record is not None and record.treatment == "withheld":
        before = [msgspec.structs.replace(i, id=None) for i in parse_instances(record.given)]
        after = [msgspec.structs.replace(i, id=None) for i in answer.instances]
        withheld, elsewhere = _moved(before, after, table)
        return answer, Anchoring(withheld=withheld, elsewhere=elsewhere)
    if record is None or record.error is None:
        try:
            before = parse_instances(answer.original)
        except InstanceError:  # invalid pre-labels are not shown to workers
            before = []
        shown, moved = _moved(_placed(before, answer), answer.instances, table)
        return answer, Anchoring(shown=shown, moved=moved)
    return _seeded(answer, record, record.error, table)


def _saw(answer: Answer, record: ImageRecord) -> bool:
    """Return whether the worker's page showed the pre-labels of a record."""
    try:
        original = parse_instances(answer.original)
    except InstanceError:
        return False
    return same_instances(original, parse_instances(record.shown), ORIGINAL_TOLERANCE)


def _placed(before: Sequence[Instance], answer: Answer) -> list[Instance]:
    """Return pre-labels without the keypoints that were only offered, because of their low score."""
    offered = {record.id: set(record.offered) for record in answer.prelabels if record.offered}
    if not offered:
        return list(before)
    ids = [instance.id or f"p{place}" for place, instance in enumerate(before)]
    return [
        msgspec.structs.replace(
            instance, id=i, annotations=tuple(k for k in instance.annotations if k.label not in offered.get(i, ()))
        )
        for i, instance in zip(ids, before, strict=True)
    ]


def _moved(before: Sequence[Instance], after: Sequence[Instance], table: SigmaTable) -> tuple[int, int]:
    """Return the number of keypoints before, and of those that were removed or moved farther than `HALF`."""
    matched = match_instances(before, after, table.sigmas)
    total = moved = 0
    for place, instance in enumerate(before):
        new = after[matched[place]].by_label if place in matched else {}
        size = math.sqrt(area(instance)[0])
        for label, keypoint in instance.by_label.items():
            total += 1
            far = HALF * table.sigma(label) * size
            moved += label not in new or distance(keypoint, new[label]) > far
    return total, moved


def _seeded(answer: Answer, record: ImageRecord, error: SeededError, table: SigmaTable) -> tuple[Answer, Anchoring]:
    given, shown = parse_instances(record.given), parse_instances(record.shown)
    index = match_instances(shown, answer.instances, table.sigmas).get(error.instance)
    if index is None:  # the worker removed the whole instance
        return answer, Anchoring(kind=error.kind)
    after = answer.instances[index]
    if error.kind == "extra":
        return _without_extra(answer, index, shown[error.instance], table)
    right, wrong = given[error.instance].by_label, shown[error.instance].by_label
    if error.kind == "missing":
        said = {entry.label for entry in answer.not_labeled if entry.id == after.id}
        left = [label for label in error.labels if label not in after.by_label and label not in said]
    else:
        left = [
            label for label in error.labels
            if label in after.by_label and _left(after.by_label[label], wrong[label], right[label])
        ]  # fmt: skip
    if left:
        answer = _replaced(answer, index, set(left), [right[label] for label in left])
    return answer, Anchoring(kind=error.kind, stayed=bool(left))


def _left(after: Keypoint, wrong: Keypoint, right: Keypoint) -> bool:
    """Return whether a keypoint is nearer to its wrong position than half the distance between the two positions."""
    return distance(after, wrong) < distance(wrong, right) / 2


def _without_extra(answer: Answer, index: int, extra: Instance, table: SigmaTable) -> tuple[Answer, Anchoring]:
    """Remove the extra instance. If the worker turned it into another instance, remove only its unchanged keypoints."""
    after, size = answer.instances[index].by_label, math.sqrt(area(extra)[0])
    off = {label: distance(after[label], k) for label, k in extra.by_label.items() if label in after}
    near = [label for label, distance in off.items() if distance <= HALF * table.sigma(label) * size]
    if 2 * len(near) >= len(after):
        updated = [item for n, item in enumerate(answer.updated) if n != index]
        return _with(answer, updated), Anchoring(kind="extra", stayed=bool(near))
    untouched = {label for label, distance in off.items() if distance <= ORIGINAL_TOLERANCE}
    return _replaced(answer, index, untouched, [], box=answer.instances[index].box != extra.box), Anchoring(
        kind="extra"
    )


def _replaced(
    answer: Answer, index: int, labels: set[str], keypoints: Sequence[Keypoint], *, box: bool = True
) -> Answer:
    """Return the answer with the keypoints `labels` of one instance replaced, and without its box if `box` is False."""
    item = answer.updated[index]
    rest = {k.label: msgspec.structs.asdict(k) for k in keypoints}
    points = [
        k | rest.pop(label, {}) for k in item["annotations"] if (label := k.get("label")) in rest or label not in labels
    ]
    changed = {key: value for key, value in item.items() if box or key != "box"}
    updated = list(answer.updated)
    updated[index] = changed | {"annotations": [*points, *rest.values()]}
    return _with(answer, updated)


def _with(answer: Answer, updated: list[Any]) -> Answer:
    return msgspec.structs.replace(answer, updated=updated, instances=parse_instances(updated))


def _converted(text: bytes, kind: type[T], what: str) -> T:
    try:
        return msgspec.convert(decode(text), kind)
    except (JsonError, msgspec.ValidationError) as error:
        raise AnchoringError(f"expected {what}, got something else: {error}") from error
