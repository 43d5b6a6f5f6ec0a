"""Workers: the file workers.json, how each worker of a job labels. Ids are Ground Truth's pseudonyms.

A worker is compared with what the others agree on without them, where at least two others marked the subject, and with
gold where there is some. Every rate says what it rests on; nobody is ranked on fewer than `LEAST_RANKED` subjects.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from keypoints.annotation import Annotation
from keypoints.histogram import Histogram
from keypoints.pose import Pose, Ruler
from keypoints.rates import Rate, rate
from keypoints.taxonomy import KINDS, Kind, classify

VERSION = "1.0"
LEAST_RANKED = 20
LEAST_FOR_Z = 3
"""Workers; a median of fewer says nothing about the others."""
MAD_TO_SIGMA = 0.6745
"""The normal distribution's: robust z is this times (value - median) / MAD (Iglewicz and Hoaglin 1993)."""
PCK_SHARE = 0.1


class Bias(msgspec.Struct, frozen=True, kw_only=True):
    """Mean offset of a worker's keypoint from the reference, in s, the square root of the area; x right, y down."""

    name: str
    n: int
    x: float
    y: float


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A worker against references. `oks` is COCO's, the mean over `instances`; `relative` is that over what an honest
    worker reaches against such references; `errors` are shares of the references' keypoints, by kind as
    keypoints.taxonomy has them (`extra`: of the worker's own). `missed` and `added` count whole instances."""

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
    """One worker. `rubber_stamps`: pre-labels submitted untouched, of those that another worker changed. `active_z`:
    how unusual the active time for a keypoint is among the job's workers; far below 0 is speeding. `rank`: by
    `relative` against the others, 1 is best; null for few subjects. `variance`: scatter in the square, 1 is what sigma
    says. `weight`: how far the consensus relied on the worker; null where all count the same."""

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
    """The file workers.json."""

    version: str
    labeling_job: str
    workers: list[WorkerReport]


class References:
    """Collects the comparison of one worker with references."""

    def __init__(self) -> None:
        self.instances = self.keypoints = self.missed = self.added = self.wanted = self.marked = 0
        self._extra_of = self._close = 0
        self._oks = self._expected = self._distance = 0.0
        self._distances = 0
        self._kinds: Counter[Kind] = Counter()
        self._bias: dict[str, tuple[int, float, float]] = {}

    def add(self, mine: Pose, reference: Pose, others: Sequence[Pose], ruler: Ruler, expected: float) -> None:
        """One subject. `expected` is the similarity that an honest worker would reach with this reference."""
        if not reference.places:
            return
        self.instances += 1
        self.keypoints += len(reference.places)
        self._extra_of += len(mine.places)
        self._expected += expected
        self._kinds.update(kind for _, kind in classify(mine, reference, others, ruler))
        size = math.sqrt(reference.area)
        limit = PCK_SHARE * max(reference.hull[2] - reference.hull[0], reference.hull[3] - reference.hull[1], 2.0)
        total = 0.0
        for label, (x, y, _) in reference.places.items():
            place = mine.places.get(label)
            if place is None:
                continue
            dx, dy = place[0] - x, place[1] - y
            total += math.exp(-(dx * dx + dy * dy) * ruler.inverse(label) / (2 * reference.area))
            self._distances += 1
            self._distance += math.hypot(dx, dy) / size
            self._close += math.hypot(dx, dy) < limit
            n, sx, sy = self._bias.get(label, (0, 0.0, 0.0))
            self._bias[label] = n + 1, sx + dx / size, sy + dy / size
        self._oks += total / len(reference.places)

    @property
    def relative(self) -> float | None:
        """OKS over an honest worker's."""
        return self._oks / self._expected if self.instances else None

    def comparison(self) -> Comparison:
        """The comparison so far."""
        n = self.instances
        whole = {kind: self._extra_of if kind == "extra" else self.keypoints for kind in KINDS}
        return Comparison(
            instances=n,
            keypoints=self.keypoints,
            oks=self._oks / n if n else None,
            relative=self.relative,
            pck=self._close / self.keypoints if self.keypoints else None,
            nme=self._distance / self._distances if self._distances else None,
            errors={kind: rate(self._kinds[kind], whole[kind]) for kind in KINDS},
            missed=rate(self.missed, self.wanted),
            added=rate(self.added, self.marked),
            bias=[Bias(name=name, n=k, x=x / k, y=y / k) for name, (k, x, y) in sorted(self._bias.items())],
        )


class _Worker:
    def __init__(self) -> None:
        self.tasks = self.unusable = self.instances = self.keypoints = self.stamps = self.stampable = 0
        self.active = Histogram()
        self.others = References()
        self.gold = References()


class WorkerMeter:
    """Takes the annotations of a job and what their workers are compared with. Memory: sums for every worker."""

    def __init__(self, labeling_job: str) -> None:
        self._job = labeling_job
        self._workers: dict[str, _Worker] = {}

    def _of(self, worker_id: str) -> _Worker:
        return self._workers.setdefault(worker_id, _Worker())

    def against_others(self, worker_id: str) -> References:
        """What is collected of a worker against the others."""
        return self._of(worker_id).others

    def against_gold(self, worker_id: str) -> References:
        """What is collected of a worker against gold."""
        return self._of(worker_id).gold

    def add(self, annotation: Annotation, sizes: Mapping[str, tuple[int, int]]) -> None:
        """Take one image. `sizes`: by worker how many instances and keypoints were marked."""
        changed = {w.worker_id for w in annotation.workers if w.usable and w.was_modified}
        for answer in annotation.workers:
            worker = self._of(answer.worker_id)
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

    def report(self, weights: Mapping[str, float], variances: Mapping[str, float]) -> Workers:
        """The file, by worker id."""
        times = {w: worker.active.quantile(0.5) for w, worker in sorted(self._workers.items())}
        zs = _robust_z({w: math.log(t) for w, t in times.items() if t})
        ranked = sorted(
            (w for w, worker in self._workers.items() if worker.others.instances >= LEAST_RANKED),
            key=lambda w: (-(self._workers[w].others.relative or 0.0), w),
        )
        ranks = {w: place for place, w in enumerate(ranked, 1)}
        return Workers(
            version=VERSION,
            labeling_job=self._job,
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
                for w, worker in sorted(self._workers.items())
            ],
        )


def _robust_z(values: Mapping[str, float]) -> dict[str, float]:
    """How far each value is from the median, in robust standard deviations; empty of few or of equal values."""
    if len(values) < LEAST_FOR_Z:
        return {}
    middle = _median(list(values.values()))
    mad = _median([abs(v - middle) for v in values.values()])
    return {w: MAD_TO_SIGMA * (v - middle) / mad for w, v in values.items()} if mad else {}


def _median(values: list[float]) -> float:
    values.sort()
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2
