"""Workers: the file workers.json, how each worker of a job labels. Ids are Ground Truth's pseudonyms.

A worker is compared with what the others agree on without them, where at least two others marked the subject, and with
gold where there is some. Every rate says what it rests on; nobody is ranked on fewer than `LEAST_RANKED` subjects.
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
LEAST_FOR_Z = 3
"""Workers; a median of fewer says nothing about the others."""
MAD_TO_SIGMA = 0.6745
"""The normal distribution's: robust z is this times (value - median) / MAD (Iglewicz and Hoaglin 1993)."""
MOST_WORKERS = 2000
"""Maximum number of workers listed; with 17 keypoints they take 100 MB. More are sampled (statistics.bottom_k)."""


class Bias(msgspec.Struct, frozen=True, kw_only=True):
    """Mean offset of a worker's keypoint from the reference, in s, the square root of the area; x right, y down."""

    name: str
    n: int
    x: float
    y: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A worker against references.

    `oks` is COCO's, the mean over `instances`; `relative` is that over what an honest worker reaches against such
    references; `errors` are shares of the references' keypoints, by kind as measures.taxonomy has them (`extra`: of the
    worker's own). `missed` and `added` count whole instances.
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
    """One worker.

    `rubber_stamps`: pre-labels submitted untouched, of those that another worker changed. `active_z`: how unusual the
    active time for a keypoint is among the job's workers; far below 0 is speeding. `rank`: by `relative` against the
    others, 1 is best; null for few subjects. `variance`: scatter in the square, 1 is what sigma says. `weight`: how far
    the consensus relied on the worker; null where all count the same.
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
    """The file workers.json. `other_workers_tasks` is of the workers that are not in it, because there are too many."""

    version: str
    labeling_job: str
    other_workers_tasks: int = 0
    workers: list[WorkerReport]


class BiasMeter(Statistic):
    """Offsets of one keypoint, in s."""

    x: ExactSum = msgspec.field(default_factory=ExactSum)
    y: ExactSum = msgspec.field(default_factory=ExactSum)


class References(Statistic):
    """Collects the comparison of one worker with references."""

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
        """Take some of the subjects that were compared; each reference has keypoints.

        `expected` is by subject the similarity that an honest worker would reach with its reference.
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
        """OKS over an honest worker's."""
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
    """The statistics of one worker."""

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
    """Takes the annotations of a job and what their workers are compared with.

    Memory: sums for every worker and keypoint; of more than `MOST_WORKERS` workers so many are told of.
    """

    tasks: int = 0
    workers: Table[Worker] = msgspec.field(default_factory=lambda: Table(MOST_WORKERS))

    def against_others(self, worker_id: str) -> References:
        """Return the comparisons of a worker with the other workers."""
        return self.workers.at(worker_id, Worker).others

    def against_gold(self, worker_id: str) -> References:
        """Return the comparisons of a worker with gold."""
        return self.workers.at(worker_id, Worker).gold

    def compare(
        self,
        compared: Comparisons,
        bodies: Bodies,
        poses: Poses,
        to: Sequence[References],
        expected: Floats,
    ) -> None:
        """Add subjects of answers that were compared with references.

        `to` has, by answer, the statistics of its worker. Answers of one worker must share them.
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
            if name in poses.table.sigmas:  # by the skeleton: others could be any number
                bias = to[n].bias.get(name)
                if bias is None:
                    bias = to[n].bias[name] = BiasMeter()
                where = subject[points], column[points]
                bias.x.add_all(dx[where].tolist())
                bias.y.add_all(dy[where].tolist())

    def add(self, annotation: Annotation, sizes: Mapping[str, tuple[int, int]]) -> None:
        """Take one image. `sizes`: by worker how many instances and keypoints were marked."""
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
        """Return the file, by worker id."""
        workers = self.workers.kept()
        times = {w: worker.active.quantile(0.5) for w, worker in sorted(workers.items())}
        zs = _robust_z({w: math.log(t) for w, t in times.items() if t})
        ranked = sorted(
            (w for w, worker in workers.items() if worker.others.instances >= LEAST_RANKED),
            key=lambda w: (-(workers[w].others.relative or 0.0), w),
        )
        ranks = {w: place for place, w in enumerate(ranked, 1)}
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
    """Return each value's distance from the median in robust standard deviations; empty for few or equal values."""
    if len(values) < LEAST_FOR_Z:
        return {}
    middle = _median(list(values.values()))
    mad = _median([abs(v - middle) for v in values.values()])
    return {w: MAD_TO_SIGMA * (v - middle) / mad for w, v in values.items()} if mad else {}


def _median(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
