"""Comparison of the labels of two files: similarity and kinds of errors.

OKS is COCO's, with the reference's area. The kinds of errors are those of Ronchi and Perona (measures.taxonomy).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import PurePosixPath

import msgspec
import numpy as np

from truepoint.analysis.label_files import EntryReader, LabelSet
from truepoint.consensus.matching import match
from truepoint.consensus.stack import Clusters
from truepoint.formats.labels import FormatError, LabeledImage, shown
from truepoint.formats.names import match_images
from truepoint.jobs.prelabels import Choices
from truepoint.measures.gold import with_references
from truepoint.measures.taxonomy import KINDS, Kind
from truepoint.pose.instance import Instance, parse_instances
from truepoint.pose.poses import Poses, in_order
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.similarity import HONEST_TO_TRUTH
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.rates import Rate, rate

VERSION = "1.0"
AT_ONCE = 200
"""Number of images compared together."""
THRESHOLDS = (0.5, 0.75)
"""OKS thresholds of recall and precision: the ones that COCO reports."""
LEGEND = (
    "errors in %: jitt = jitter (near), inv = inversion (other side of the body),",
    "swap = at another body, miss = elsewhere, lack = missing (not labelled),",
    "extra = not in the reference, vis = another visibility",
)
"""Explanation of the titles of a table's columns."""


class KeypointComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of one keypoint, in the instances that both files have.

    `labeled` is the number of times that the reference labels it. `similarity` is the mean of its term in OKS, and
    `pck` the share within a tenth of the reference's longer side; both are over `labeled`. `errors` are, for each
    kind, shares of `labeled`, or of the other file's keypoints for `extra`.
    """

    name: str
    labeled: int
    similarity: float | None
    pck: float | None
    errors: dict[str, Rate]


class FileComparison(msgspec.Struct, frozen=True, kw_only=True):
    """The output of `truepoint compare --json`.

    Instances without keypoints are not counted. Neither are instances of the other file that match none of the
    reference but are within three times the box of one without keypoints, which COCO's evaluation ignores too. `found`
    is the number of instances that both files have, `missed` the share of the reference's instances that the
    other file lacks, `added` the share of the other file's instances that the reference lacks. `relative` is `oks`
    divided by the expected OKS of a careful person with the truth. `recall` and `precision` are by OKS threshold.
    """

    version: str = VERSION
    images: int
    only_in_reference: int
    only_in_other: int
    found: int
    missed: Rate
    added: Rate
    oks: float | None
    relative: float | None
    pck: float | None
    recall: dict[str, Rate]
    precision: dict[str, Rate]
    errors: dict[str, Rate]
    keypoints: list[KeypointComparison]
    notes: list[str]


class _Meter:
    """A counter of comparisons; `names` are the skeleton's keypoints."""

    def __init__(self, names: Sequence[str], table: SigmaTable) -> None:
        self._table = table
        self.reference = self.other = self.found = self.images = 0
        self.oks = ExactSum()
        self.above = dict.fromkeys(THRESHOLDS, 0)
        self.labeled = dict.fromkeys(names, 0)
        self.marked = dict.fromkeys(names, 0)
        self.close = dict.fromkeys(names, 0)
        self.similar = {name: ExactSum() for name in names}
        self.kinds: dict[str, dict[Kind, int]] = {name: dict.fromkeys(KINDS, 0) for name in names}

    def add(self, images: Sequence[tuple[Sequence[Instance], Sequence[Instance]]]) -> int:
        """Count images, given as (reference instances, other instances), and return how many cannot be matched."""
        posed = [
            ([i for i in reference if i.annotations], [i for i in other if i.annotations])
            for reference, other in images
        ]
        poses = Poses([(("", reference), ("other", other)) for reference, other in posed], self._table)
        home, refused = match(poses)
        clusters = Clusters(poses, home)
        left_out = {*refused, *clusters.image[clusters.too_large].tolist()}
        self.images += len(images) - len(left_out)
        alone = np.flatnonzero((poses.worker == 1) & (clusters.size[clusters.of] == 1))
        for place, (reference, other) in enumerate(posed):
            if place not in left_out:
                self.reference += len(reference)
                self.other += len(other)
                boxes = [i.box for i in images[place][0] if i.box and not i.annotations]
                unmatched = alone[poses.image[alone] == place].tolist() if boxes else []
                self.other -= sum(any(_is_around(box, poses.hull[n]) for box in boxes) for n in unmatched)
        bodies, comparisons = with_references(poses, clusters)
        for compared in comparisons:
            wanted = np.count_nonzero(compared.reference_there, axis=1)
            usable = ~np.isin(compared.answer, list(left_out))
            self.found += int(np.count_nonzero(usable))
            counted = usable & (wanted > 0)
            similar = compared.similarities
            oks = in_order(similar)[counted] / wanted[counted]
            self.oks.add_all(oks.tolist())
            for threshold in THRESHOLDS:
                self.above[threshold] += int(np.count_nonzero(oks >= threshold))
            close = compared.close & compared.both
            kinds = compared.kinds(bodies, poses.mirror)
            for number in np.unique(compared.label).tolist():
                if number < 0 or (name := poses.labels[number]) not in self.labeled:
                    continue
                here = (compared.label == number) & usable[:, None]
                there = here & compared.reference_there
                self.labeled[name] += int(np.count_nonzero(there))
                self.marked[name] += int(np.count_nonzero(here & compared.there))
                self.close[name] += int(np.count_nonzero(here & close))
                self.similar[name].add_all(similar[there].tolist())
                for kind, flags in kinds.items():
                    self.kinds[name][kind] += int(np.count_nonzero(here & flags))
        return len(left_out)


def _is_around(box: Sequence[float], hull: Sequence[float]) -> bool:
    """Return whether a box (x, y, width, height), extended by its size on every side, contains a hull.

    The hull is left, top, right and bottom. COCOeval measures the distance from the same extended box.
    """
    x, y, width, height = box
    left, top, right, bottom = hull
    return x - width <= left and right <= x + 2 * width and y - height <= top and bottom <= y + 2 * height


def compare_files(
    reference: LabelSet, other: LabelSet, chosen: Choices, raters: tuple[str | None, str | None] = (None, None)
) -> FileComparison:
    """Compare the labels of the images that both label sets contain.

    Args:
        reference: the labels that count as correct; the comparison uses its skeleton.
        other: labels of the same skeleton.
        chosen: how labels are read.
        raters: the rater to use from each label set; None if it has only one.

    Raises:
        FormatError: the sets have no image in common, or one has several raters and none is chosen.
    """
    readers = [EntryReader(labels.files, chosen) for labels in (reference, other)]
    right = dict(_instances(reference, readers[0], raters[0], "--rater-a"))
    meter = _Meter(reference.skeleton.keypoint_names, sigma_table(reference.skeleton))
    left = dict(_instances(other, readers[1], raters[1], "--rater-b"))
    spelled = [LabeledImage(name, has_ending=bool(PurePosixPath(name).suffix)) for name in left]
    try:
        matched = match_images(spelled, right).images
    except FormatError as error:
        raise FormatError(f"{other.files[0].where}: {error}") from error
    pairs = [(right[name], left[image.name]) for name, image in matched.items()]
    if not pairs:
        raise FormatError(
            f"expected images that are in both files, got none: {shown(list(right))} in the first, "
            f"{shown(list(left))} in the second"
        )
    notes = [line for reader in readers for line in reader.report()]
    rest, refused = iter(pairs), 0
    while part := list(islice(rest, AT_ONCE)):
        refused += meter.add(part)
    if refused:
        notes.append(f"note: {refused} images left out, because they have too many instances to match")
    return _result(meter, len(right) - len(pairs), len(left) - len(pairs), notes)


def _instances(
    labels: LabelSet, reader: EntryReader, rater: str | None, option: str
) -> Iterator[tuple[str, list[Instance]]]:
    raters = labels.raters
    if rater is None and len(raters) > 1:
        raise FormatError(
            f"{labels.files[0].where}: expected labels of one rater, got those of {shown(raters)}; choose with {option}"
        )
    if rater is not None and rater not in raters:
        raise FormatError(f"{labels.files[0].where}: expected a rater of {shown(raters)}, got {rater!r}")
    for entry in labels.entries():
        by_rater = reader.instances(entry)
        if (rater or raters[0]) in by_rater:
            yield entry.name, parse_instances(list(by_rater[rater or raters[0]]))


def _result(meter: _Meter, only_in_reference: int, only_in_other: int, notes: list[str]) -> FileComparison:
    labeled, marked = sum(meter.labeled.values()), sum(meter.marked.values())
    totals = {kind: sum(kinds[kind] for kinds in meter.kinds.values()) for kind in KINDS}
    return FileComparison(
        images=meter.images,
        only_in_reference=only_in_reference,
        only_in_other=only_in_other,
        found=meter.found,
        missed=rate(meter.reference - meter.found, meter.reference),
        added=rate(meter.other - meter.found, meter.other),
        oks=meter.oks.mean,
        relative=None if meter.oks.mean is None else meter.oks.mean / HONEST_TO_TRUTH,
        pck=sum(meter.close.values()) / labeled if labeled else None,
        recall={str(t): rate(n, meter.reference) for t, n in meter.above.items()},
        precision={str(t): rate(n, meter.other) for t, n in meter.above.items()},
        errors=_rates(totals, labeled, marked),
        keypoints=[
            KeypointComparison(
                name=name,
                labeled=count,
                similarity=meter.similar[name].mean,
                pck=meter.close[name] / count if count else None,
                errors=_rates(meter.kinds[name], count, meter.marked[name]),
            )
            for name, count in meter.labeled.items()
        ],
        notes=notes,
    )


def _rates(kinds: dict[Kind, int], labeled: int, marked: int) -> dict[str, Rate]:
    return {kind: rate(count, marked if kind == "extra" else labeled) for kind, count in kinds.items()}


def table(comparison: FileComparison) -> Iterable[str]:
    """Yield the comparison of keypoints as rows of text of at most 80 columns, with a legend. Errors are in percent."""
    titles = ("good", "jitt", "inv", "swap", "miss", "lack", "extra", "vis")
    yield f"{'keypoint':15}{'n':>7}{'sim':>5}{'pck':>5}" + "".join(f"{title:>6}" for title in titles)
    whole = KeypointComparison(
        name="all",
        labeled=sum(k.labeled for k in comparison.keypoints),
        similarity=None,
        pck=comparison.pck,
        errors=comparison.errors,
    )
    for row in (*comparison.keypoints, whole):
        yield (
            f"{row.name[:14]:15}{row.labeled:>7}{_decimal(row.similarity):>5}{_decimal(row.pck):>5}"
            + "".join(f"{_percent(row.errors[kind].share):>6}" for kind in KINDS)
        )
    yield from LEGEND


def _decimal(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
