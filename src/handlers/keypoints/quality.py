"""Quality: what the labels of one job look like as a whole. Built up a line at a time, in bounded memory."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Sequence

import msgspec

from keypoints.agreement import Agreement
from keypoints.changes import ChangeMeter, PreLabelQuality
from keypoints.consolidation import REASONS
from keypoints.instance import VISIBLE
from keypoints.outcome import Labeled, NotLabeled
from keypoints.sigma import KeypointSigma
from keypoints.skeleton import Skeleton

VERSION = "1.0"


class KeypointQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One keypoint of the skeleton over all instances. Shares are null where there is nothing to share."""

    name: str
    labeled: int
    visible: int
    occluded: int
    completeness: float | None
    visible_share: float | None


class TimeQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Workers' time per image, in seconds, over the images that have one."""

    images: int
    total: float
    mean: float | None
    median: float | None
    p10: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class WorkerQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One worker, by pseudonymous id."""

    worker_id: str
    answers: int
    unusable: int
    modified: int
    no_changes_needed: int
    mean_time_in_seconds: float | None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The file quality.json. Every count of lines adds up: written + rejected + failed + unlabeled == lines."""

    version: str
    labeling_job: str
    lines: int
    written: int
    rejected: int
    failed: int
    unlabeled: int
    labeled_by_other_jobs: int
    instances: int
    instances_without_keypoints: int
    instances_below_quorum: int
    images_without_instances: int
    keypoints: list[KeypointQuality]
    unknown_keypoints: dict[str, int]
    modified: int
    modified_share: float | None
    no_changes_needed: int
    time_in_seconds: TimeQuality
    workers: list[WorkerQuality]
    workers_per_image: dict[str, int]
    instances_needing_review: int
    review_reasons: dict[str, int]
    agreement: Agreement | None
    sigmas: list[KeypointSigma]
    prelabels: PreLabelQuality | None


class _Worker:
    def __init__(self) -> None:
        self.answers = self.unusable = self.modified = self.no_changes_needed = self.timed = 0
        self.seconds = 0.0


class QualityMeter:
    """Takes the outcomes of a job's lines and gives its `Quality`. Memory: 8 bytes an image, and one entry a worker."""

    def __init__(self, labeling_job: str, skeleton: Skeleton) -> None:
        self._job = labeling_job
        self._names = skeleton.keypoint_names
        self._changes = ChangeMeter(skeleton)
        self._count: Counter[str] = Counter()
        self._visible: Counter[str] = Counter()
        self._labeled: Counter[str] = Counter()
        self._times = array("d")
        self._workers: dict[str, _Worker] = {}
        self._per_image: Counter[int] = Counter()
        self._reasons: Counter[str] = Counter()

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count one line."""
        self._count["lines"] += 1
        if isinstance(outcome, NotLabeled):
            self._count[outcome.status] += 1
            return
        annotation = outcome.annotation
        self._changes.add(outcome)
        self._count["written"] += 1
        self._count["labeled_by_other_jobs"] += outcome.labeled_by not in (None, self._job)
        self._count["instances"] += len(outcome.instances)
        self._count["images_without_instances"] += not outcome.instances
        self._count["instances_below_quorum"] += len(annotation.below_quorum)
        self._count["modified"] += annotation.was_modified
        self._count["no_changes_needed"] += annotation.no_changes_needed
        for instance in outcome.instances:
            self._count["instances_without_keypoints"] += not instance.annotations
            for keypoint in instance.annotations:
                self._labeled[keypoint.label] += 1
                self._visible[keypoint.label] += keypoint.visibility == VISIBLE
        for item in annotation.updated_annotations:
            found = item.get("needs_review") if isinstance(item, dict) else None
            # One worker's answer passes through with whatever is in it; only our own words count.
            reasons = (
                [r for r in found if isinstance(r, str) and r in REASONS] if isinstance(found, list | tuple) else []
            )
            self._count["instances_needing_review"] += bool(reasons)
            self._reasons.update(reasons)
        if annotation.total_time_in_seconds is not None:
            self._times.append(annotation.total_time_in_seconds)
        self._per_image[len(annotation.workers)] += 1
        for answer in annotation.workers:
            worker = self._workers.setdefault(answer.worker_id, _Worker())
            worker.answers += 1
            worker.unusable += not answer.usable
            worker.modified += answer.was_modified
            worker.no_changes_needed += answer.no_changes_needed
            if answer.total_time_in_seconds is not None:
                worker.timed += 1
                worker.seconds += answer.total_time_in_seconds

    @property
    def counts(self) -> dict[str, int]:
        """The accounting of lines: lines, written, rejected, failed, unlabeled."""
        return {name: self._count[name] for name in ("lines", "written", "rejected", "failed", "unlabeled")}

    def quality(self, agreement: Agreement | None = None, sigmas: Sequence[KeypointSigma] = ()) -> Quality:
        """The quality of all lines so far, and what comparing the workers told of it."""
        c = self._count
        return Quality(
            version=VERSION,
            labeling_job=self._job,
            **self.counts,
            labeled_by_other_jobs=c["labeled_by_other_jobs"],
            instances=c["instances"],
            instances_without_keypoints=c["instances_without_keypoints"],
            instances_below_quorum=c["instances_below_quorum"],
            images_without_instances=c["images_without_instances"],
            keypoints=[self._keypoint(name) for name in self._names],
            unknown_keypoints={n: self._labeled[n] for n in sorted(self._labeled.keys() - set(self._names))},
            modified=c["modified"],
            modified_share=_share(c["modified"], c["written"]),
            no_changes_needed=c["no_changes_needed"],
            time_in_seconds=self._time(),
            workers=[self._worker(worker_id) for worker_id in sorted(self._workers)],
            workers_per_image={str(n): self._per_image[n] for n in sorted(self._per_image)},
            instances_needing_review=c["instances_needing_review"],
            review_reasons=dict(sorted(self._reasons.items())),
            agreement=agreement,
            sigmas=list(sigmas),
            prelabels=self._changes.quality(),
        )

    def _keypoint(self, name: str) -> KeypointQuality:
        labeled, visible = self._labeled[name], self._visible[name]
        return KeypointQuality(
            name=name,
            labeled=labeled,
            visible=visible,
            occluded=labeled - visible,
            completeness=_share(labeled, self._count["instances"]),
            visible_share=_share(visible, labeled),
        )

    def _worker(self, worker_id: str) -> WorkerQuality:
        w = self._workers[worker_id]
        return WorkerQuality(
            worker_id=worker_id,
            answers=w.answers,
            unusable=w.unusable,
            modified=w.modified,
            no_changes_needed=w.no_changes_needed,
            mean_time_in_seconds=w.seconds / w.timed if w.timed else None,
        )

    def _time(self) -> TimeQuality:
        times = sorted(self._times)
        total = math.fsum(times)
        return TimeQuality(
            images=len(times),
            total=total,
            mean=total / len(times) if times else None,
            median=percentile(times, 50),
            p10=percentile(times, 10),
            p90=percentile(times, 90),
            p95=percentile(times, 95),
            p99=percentile(times, 99),
        )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def percentile(ordered: list[float], percent: float) -> float | None:
    """The percentile of values in rising order, linear between two (numpy's default); None of no values."""
    if not ordered:
        return None
    place = (len(ordered) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
