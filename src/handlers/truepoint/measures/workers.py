"""The file workers.json: how each worker of a job labels. Worker ids are Ground Truth's pseudonyms.

A worker is compared with the consensus of the other workers, where at least two of them marked the subject, and with
gold images, if there are any. Every rate includes its number of cases. Workers with fewer than `LEAST_RANKED` subjects
are not ranked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from truepoint.groundtruth.annotation import Annotation
from truepoint.measures.taxonomy import KINDS, Bodies, Comparisons, Kind
from truepoint.pose.poses import Flags, Integers, Poses, grouped, in_order
from truepoint.pose.similarity import Floats
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.histogram import Histogram
from truepoint.statistics.rates import Rate, rate
from truepoint.statistics.statistic import Statistic

VERSION = "1.0"
LEAST_RANKED = 20
"""Minimum number of compared subjects for ranking a worker."""
LEAST_FOR_Z = 3
"""Minimum number of workers for robust z-scores."""
MAD_TO_SIGMA = 0.6745
"""Ratio of the median absolute deviation (MAD) to the standard deviation of a normal distribution. The robust z-score
is this times (value - median) / MAD (Iglewicz and Hoaglin 1993)."""
MOST_WORKERS = 2000
"""Maximum number of workers listed; with 17 keypoints they take 100 MB. More are sampled (statistics.bottom_k)."""


class Bias(msgspec.Struct, frozen=True, kw_only=True):
    """The mean offset of a worker's keypoint from the reference, in units of s, the square root of the area.

    x points right and y down. `n` is the number of comparisons.
    """

    name: str
    n: int
    x: float
    y: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of a worker with references.

    `oks` is the mean of COCO's OKS over `instances`. `relative` is `oks` divided by the expected OKS of a careful
    worker with the same references. `errors` are, for each kind of measures.taxonomy, shares of the references'
    keypoints, or of the worker's own keypoints for `extra`. `missed` and `added` are shares of whole instances.
    """

    instances: int
    keypoints: int
    oks: float | None
    relative: float | None
    pck: float | None
    nme: float | None
    errors: dict[str, Rate]
    missed: Rate
    added: Rate
    bias: list[Bias]


class WorkerReport(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of one worker.

    `rubber_stamps` is the share of images that the worker submitted without changing the pre-labels, among images in
    which another worker changed them. `active_z` is the robust z-score of the active time per keypoint among the job's
    workers; a value far below 0 means that the worker was too fast. `rank` orders workers by `against_others.relative`;
    1 is best, and it is null for workers with few subjects. `variance` is relative to sigma: 1 is the expected scatter.
    `weight` is the worker's weight in the consensus; null if all weights are equal.
    """

    worker_id: str
    tasks: int
    unusable: int
    instances: int
    keypoints: int
    against_others: Comparison
    against_gold: Comparison
    rubber_stamps: Rate
    active_seconds_per_keypoint: float | None
    active_z: float | None
    variance: float | None
    weight: float | None
    rank: int | None


class Workers(msgspec.Struct, frozen=True, kw_only=True):
    """The file workers.json.

    `other_workers_tasks` is the number of tasks of workers that are not listed, because there are more than
    `MOST_WORKERS`.
    """

    version: str
    labeling_job: str
    other_workers_tasks: int = 0
    workers: list[WorkerReport]


class BiasMeter(Statistic):
    """Statistics of one keypoint's offsets, in units of s."""

    x: ExactSum = msgspec.field(default_factory=ExactSum)
    y: ExactSum = msgspec.field(default_factory=ExactSum)


class References(Statistic):
    """Statistics of one worker's comparisons with references."""

    instances: int = 0
    keypoints: int = 0
    missed: int = 0
    added: int = 0
    wanted: int = 0
    marked: int = 0
    extra_of: int = 0
    close: int = 0
    distances: int = 0
    oks: ExactSum = msgspec.field(default_factory=ExactSum)
    expected: ExactSum = msgspec.field(default_factory=ExactSum)
    distance: ExactSum = msgspec.field(default_factory=ExactSum)
    kinds: dict[Kind, int] = msgspec.field(default_factory=dict)
    bias: dict[str, BiasMeter] = msgspec.field(default_factory=dict)

    def add(self, compared: Comparisons, rows: Integers, expected: Floats, kinds: Mapping[Kind, Flags]) -> None:
        """Add some of the compared subjects. Each reference must have keypoints.

        Args:
            compared: the comparisons.
            rows: indices of the subjects to add.
            expected: for each subject the expected similarity of a careful worker with its reference.
            kinds: the result of `Comparisons.kinds`.
        """
        there, reference_there = compared.there[rows], compared.reference_there[rows]
        wanted = np.count_nonzero(reference_there, axis=1)
        self.instances += len(rows)
        self.keypoints += int(wanted.sum())
        self.extra_of += int(np.count_nonzero(there))
        self.expected.add_all(expected[rows].tolist())
        self.oks.add_all((in_order(compared.similarities[rows]) / wanted).tolist())
        for kind, flags in kinds.items():
            if count := int(np.count_nonzero(flags[rows])):
                self.kinds[kind] = self.kinds.get(kind, 0) + count
        both = compared.both[rows]
        far = compared.distances[rows] / np.sqrt(compared.area[rows])[:, None]
        self.distance.add_all(in_order(far).tolist())
        self.distances += int(np.count_nonzero(both))
        self.close += int(np.count_nonzero(compared.close[rows] & both))

    @property
    def relative(self) -> float | None:
        """OKS divided by the expected OKS of a careful worker; None without instances."""
        return self.oks.value / self.expected.value if self.instances else None

    def comparison(self) -> Comparison:
        """Return the comparison so far."""
        whole = {kind: self.extra_of if kind == "extra" else self.keypoints for kind in KINDS}
        return Comparison(
            instances=self.instances,
            keypoints=self.keypoints,
            oks=self.oks.mean,
            relative=self.relative,
            pck=self.close / self.keypoints if self.keypoints else None,
            nme=self.distance.value / self.distances if self.distances else None,
            errors={kind: rate(self.kinds.get(kind, 0), whole[kind]) for kind in KINDS},
            missed=rate(self.missed, self.wanted),
            added=rate(self.added, self.marked),
            bias=[
                Bias(name=name, n=b.x.n, x=b.x.mean or 0.0, y=b.y.mean or 0.0) for name, b in sorted(self.bias.items())
            ],
        )


class Worker(Statistic):
    """Statistics of one worker."""

    tasks: int = 0
    unusable: int = 0
    instances: int = 0
    keypoints: int = 0
    stamps: int = 0
    stampable: int = 0
    active: Histogram = msgspec.field(default_factory=Histogram)
    others: References = msgspec.field(default_factory=References)
    gold: References = msgspec.field(default_factory=References)


class WorkerMeter(Statistic):
    """Statistics of a job's workers.

    Memory: sums for every worker and keypoint. If there are more than `MOST_WORKERS` workers, a sample is
    kept.
    """

    tasks: int = 0
    workers: Table[Worker] = msgspec.field(default_factory=lambda: Table(MOST_WORKERS))

    def against_others(self, worker_id: str) -> References:
        """Return the statistics of a worker's comparisons with the other workers."""
        return self.workers.at(worker_id, Worker).others

    def against_gold(self, worker_id: str) -> References:
        """Return the statistics of a worker's comparisons with gold images."""
        return self.workers.at(worker_id, Worker).gold

    def compare(
        self,
        compared: Comparisons,
        bodies: Bodies,
        poses: Poses,
        to: Sequence[References],
        expected: Floats,
    ) -> None:
        """Add comparisons of subjects with references.

        Args:
            compared: the comparisons.
            bodies: the references of all compared answers.
            poses: the poses that labels refer to.
            to: for each answer the statistics of its worker. Answers of one worker must share one object.
            expected: for each subject the expected similarity of a careful worker with its reference.
        """
        kinds = compared.kinds(bodies, poses.mirror)
        size = np.sqrt(compared.area)[:, None]
        dx, dy = compared.offsets[0] / size, compared.offsets[1] / size
        number = {id(references): n for n, references in enumerate(to)}
        worker = np.array([number[id(references)] for references in to], np.intp)[compared.answer]
        for n, rows in grouped(worker):
            to[n].add(compared, rows, expected, kinds)
        subject, column = np.nonzero(compared.both)
        label = compared.label[subject, column]
        for key, points in grouped(worker[subject] * len(poses.labels) + label):
            n, number_of_label = divmod(key, len(poses.labels))
            name = poses.labels[number_of_label]
            if name in poses.table.sigmas:  # names outside the skeleton are unbounded in number
                bias = to[n].bias.get(name)
                if bias is None:
                    bias = to[n].bias[name] = BiasMeter()
                where = subject[points], column[points]
                bias.x.add_all(dx[where].tolist())
                bias.y.add_all(dy[where].tolist())

    def add(self, annotation: Annotation, sizes: Mapping[str, tuple[int, int]]) -> None:
        """Add one image. `sizes` gives each worker's numbers of instances and keypoints."""
        changed = {w.worker_id for w in annotation.workers if w.usable and w.was_modified}
        for answer in annotation.workers:
            self.tasks += 1
            worker = self.workers.at(answer.worker_id, Worker)
            worker.tasks += 1
            worker.unusable += not answer.usable
            instances, keypoints = sizes.get(answer.worker_id, (0, 0))
            worker.instances += instances
            worker.keypoints += keypoints
            if answer.usable and annotation.original_annotations and changed - {answer.worker_id}:
                worker.stampable += 1
                worker.stamps += not answer.was_modified
            if answer.active_time_in_seconds is not None and keypoints:
                worker.active.add(answer.active_time_in_seconds / keypoints)

    def report(self, labeling_job: str, weights: Mapping[str, float], variances: Mapping[str, float]) -> Workers:
        """Return the content of workers.json, sorted by worker id."""
        workers = self.workers.kept()
        times = {w: worker.active.quantile(0.5) for w, worker in sorted(workers.items())}
        zs = _robust_z({w: math.log(t) for w, t in times.items() if t})
        ranked = sorted(
            (w for w, worker in workers.items() if worker.others.instances >= LEAST_RANKED),
            key=lambda w: (-(workers[w].others.relative or 0.0), w),
        )
        ranks = {w: rank for rank, w in enumerate(ranked, 1)}
        return Workers(
            version=VERSION,
            labeling_job=labeling_job,
            other_workers_tasks=self.tasks - sum(worker.tasks for worker in workers.values()),
            workers=[
                WorkerReport(
                    worker_id=w,
                    tasks=worker.tasks,
                    unusable=worker.unusable,
                    instances=worker.instances,
                    keypoints=worker.keypoints,
                    against_others=worker.others.comparison(),
                    against_gold=worker.gold.comparison(),
                    rubber_stamps=rate(worker.stamps, worker.stampable),
                    active_seconds_per_keypoint=times[w],
                    active_z=zs.get(w),
                    variance=variances.get(w),
                    weight=weights.get(w),
                    rank=ranks.get(w),
                )
                for w, worker in sorted(workers.items())
            ],
        )


def _robust_z(values: Mapping[str, float]) -> dict[str, float]:
    """Return the robust z-score of each value; empty for fewer than `LEAST_FOR_Z` values or a MAD of 0."""
    if len(values) < LEAST_FOR_Z:
        return {}
    middle = _median(list(values.values()))
    mad = _median([abs(v - middle) for v in values.values()])
    return {w: MAD_TO_SIGMA * (v - middle) / mad for w, v in values.items()} if mad else {}


def _median(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
