"""The file quality.json: statistics of all labels of a job, counted line by line in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truepoint.consensus.consolidation import REASONS
from truepoint.groundtruth.annotation import Annotation, is_empty
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.agreement import Agreement
from truepoint.measures.anchoring import AnchoringMeter, AnchoringQuality
from truepoint.measures.changes import ChangeMeter, PreLabelQuality
from truepoint.measures.sigma import KeypointSigma
from truepoint.measures.workers import MOST_WORKERS
from truepoint.pose.instance import VISIBLE
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.skeleton import Skeleton
from truepoint.results.first_pass import MOST_ANSWERS
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.histogram import TimeHistogram
from truepoint.statistics.statistic import Count, Statistic

VERSION = "1.0"
MOST_UNKNOWN = 1000
"""Maximum number of unknown keypoint names listed. More are sampled (statistics.bottom_k)."""


class KeypointQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one keypoint of the skeleton over all instances.

    `completeness` is the share of instances in which it is labelled, `visible_share` the share of visible ones among
    the labelled. Both are null if the denominator is 0.
    """

    name: str
    labeled: int
    visible: int
    occluded: int
    completeness: float | None
    visible_share: float | None


class TimeQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Labelling time per image in seconds, summed over its workers, over the images that have one.

    The q-percentile is the smallest time t such that at least q % of the images took at most t. It is correct within
    .4 %, and exact for whole seconds up to 256.
    """

    images: int
    total: float
    mean: float | None
    median: float | None
    p10: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class WorkerQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one worker, by pseudonymous id. `empty` counts usable answers without a keypoint and without a box."""

    worker_id: str
    answers: int
    unusable: int
    empty: int = 0
    modified: int
    no_changes_needed: int
    mean_time_in_seconds: float | None


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The file quality.json. The counts of lines add up: written + rejected + failed + unlabeled == lines.

    `other_unknown_keypoints` counts unknown keypoints whose names are not listed, because there are more than
    `MOST_UNKNOWN`. `other_workers_answers` counts answers of workers that are not listed, because there are too many.
    """

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
    empty_answers: int = 0
    keypoints: list[KeypointQuality]
    unknown_keypoints: dict[str, int]
    other_unknown_keypoints: int
    modified: int
    modified_share: float | None
    no_changes_needed: int
    time_in_seconds: TimeQuality
    workers: list[WorkerQuality]
    other_workers_answers: int
    workers_per_image: dict[str, int]
    instances_needing_review: int
    review_reasons: dict[str, int]
    agreement: Agreement | None
    sigmas: list[KeypointSigma]
    prelabels: PreLabelQuality | None
    anchoring: AnchoringQuality | None = None


class KeypointMeter(Statistic):
    """Statistics of one keypoint of the skeleton."""

    labeled: int = 0
    visible: int = 0


class WorkerTimes(Statistic):
    """Statistics of one worker's answers."""

    answers: int = 0
    unusable: int = 0
    empty: int = 0
    modified: int = 0
    no_changes_needed: int = 0
    seconds: ExactSum = msgspec.field(default_factory=ExactSum)


class QualityMeter(Statistic):
    """Statistics of a job's lines, for `Quality`.

    Memory: a few numbers per keypoint, unknown keypoint and worker, and a histogram. If there are
    more than `MOST_UNKNOWN` unknown keypoints or `MOST_WORKERS` workers, a sample of them is kept.
    """

    keypoints: dict[str, KeypointMeter]
    changes: ChangeMeter
    lines: int = 0
    written: int = 0
    rejected: int = 0
    failed: int = 0
    unlabeled: int = 0
    labeled_by_other_jobs: int = 0
    instances: int = 0
    instances_without_keypoints: int = 0
    instances_below_quorum: int = 0
    instances_needing_review: int = 0
    images_without_instances: int = 0
    modified: int = 0
    no_changes_needed: int = 0
    answers: int = 0
    empty_answers: int = 0
    unknown: int = 0
    unknown_keypoints: Table[Count] = msgspec.field(default_factory=lambda: Table(MOST_UNKNOWN))
    workers: Table[WorkerTimes] = msgspec.field(default_factory=lambda: Table(MOST_WORKERS))
    workers_per_image: dict[int, int] = msgspec.field(default_factory=dict)
    review_reasons: dict[str, int] = msgspec.field(default_factory=dict)
    times: TimeHistogram = msgspec.field(default_factory=TimeHistogram)
    seconds: ExactSum = msgspec.field(default_factory=ExactSum)
    anchoring: AnchoringMeter = msgspec.field(default_factory=AnchoringMeter)

    @classmethod
    def of(cls, skeleton: Skeleton) -> QualityMeter:
        """Return empty statistics for the skeleton's keypoints."""
        return cls({name: KeypointMeter() for name in skeleton.keypoint_names}, ChangeMeter.of(skeleton))

    def add(self, outcome: Labeled | NotLabeled, labeling_job: str, table: SigmaTable) -> None:
        """Count one line of the job."""
        self.lines += 1
        if isinstance(outcome, NotLabeled):
            setattr(self, outcome.status, getattr(self, outcome.status) + 1)
            return
        annotation = outcome.annotation
        self.changes.add(outcome, table)
        self.anchoring.add(annotation)
        self.written += 1
        self.labeled_by_other_jobs += outcome.labeled_by not in (None, labeling_job)
        self.instances += len(outcome.instances)
        self.images_without_instances += not outcome.instances
        self.instances_below_quorum += len(annotation.below_quorum)
        self.modified += annotation.was_modified
        self.no_changes_needed += annotation.no_changes_needed
        for instance in outcome.instances:
            self.instances_without_keypoints += not instance.annotations
            for keypoint in instance.annotations:
                totals = self.keypoints.get(keypoint.label)
                if totals is None:
                    self.unknown += 1
                    self.unknown_keypoints.at(keypoint.label, Count).n += 1
                else:
                    totals.labeled += 1
                    totals.visible += keypoint.visibility == VISIBLE
        for item in annotation.updated_annotations:
            needs_review = item.get("needs_review") if isinstance(item, dict) else None
            # A single worker's answer is kept as submitted, so it may hold any other text here.
            reasons = (
                [r for r in needs_review if isinstance(r, str) and r in REASONS]
                if isinstance(needs_review, list | tuple)
                else []
            )
            self.instances_needing_review += bool(reasons)
            for reason in reasons:
                self.review_reasons[reason] = self.review_reasons.get(reason, 0) + 1
        if annotation.total_time_in_seconds is not None:
            self.times.add(annotation.total_time_in_seconds)
            self.seconds.add(annotation.total_time_in_seconds)
        self._add_workers(annotation)

    def _add_workers(self, annotation: Annotation) -> None:
        workers = annotation.workers
        answering = min(len(workers), MOST_ANSWERS)
        self.workers_per_image[answering] = self.workers_per_image.get(answering, 0) + 1
        self.answers += len(workers)
        for answer in workers:
            worker = self.workers.at(answer.worker_id, WorkerTimes)
            worker.answers += 1
            worker.unusable += not answer.usable
            empty = is_empty(annotation, answer)
            worker.empty += empty
            self.empty_answers += empty
            worker.modified += answer.was_modified
            worker.no_changes_needed += answer.no_changes_needed
            if answer.total_time_in_seconds is not None:
                worker.seconds.add(answer.total_time_in_seconds)

    @property
    def counts(self) -> dict[str, int]:
        """The counts of lines: lines, written, rejected, failed, unlabeled."""
        return {name: getattr(self, name) for name in ("lines", "written", "rejected", "failed", "unlabeled")}

    def quality(
        self, labeling_job: str, agreement: Agreement | None = None, sigmas: Sequence[KeypointSigma] = ()
    ) -> Quality:
        """Return the content of quality.json for the lines so far.

        Args:
            labeling_job: the job's name.
            agreement: the workers' agreement; None if no image had several workers.
            sigmas: the sigmas used and measured.
        """
        unknown, workers = self.unknown_keypoints.kept(), self.workers.kept()
        return Quality(
            version=VERSION,
            labeling_job=labeling_job,
            **self.counts,
            labeled_by_other_jobs=self.labeled_by_other_jobs,
            instances=self.instances,
            instances_without_keypoints=self.instances_without_keypoints,
            instances_below_quorum=self.instances_below_quorum,
            images_without_instances=self.images_without_instances,
            empty_answers=self.empty_answers,
            keypoints=[self._keypoint(name, meter) for name, meter in self.keypoints.items()],
            unknown_keypoints={name: unknown[name].n for name in sorted(unknown)},
            other_unknown_keypoints=self.unknown - sum(count.n for count in unknown.values()),
            modified=self.modified,
            modified_share=_share(self.modified, self.written),
            no_changes_needed=self.no_changes_needed,
            time_in_seconds=self._time(),
            workers=[_worker(worker_id, workers[worker_id]) for worker_id in sorted(workers)],
            other_workers_answers=self.answers - sum(worker.answers for worker in workers.values()),
            workers_per_image={str(n): self.workers_per_image[n] for n in sorted(self.workers_per_image)},
            instances_needing_review=self.instances_needing_review,
            review_reasons=dict(sorted(self.review_reasons.items())),
            agreement=agreement,
            sigmas=list(sigmas),
            prelabels=self.changes.quality(),
            anchoring=self.anchoring.quality(),
        )

    def _keypoint(self, name: str, meter: KeypointMeter) -> KeypointQuality:
        return KeypointQuality(
            name=name,
            labeled=meter.labeled,
            visible=meter.visible,
            occluded=meter.labeled - meter.visible,
            completeness=_share(meter.labeled, self.instances),
            visible_share=_share(meter.visible, meter.labeled),
        )

    def _time(self) -> TimeQuality:
        times = self.times
        return TimeQuality(
            images=times.count,
            total=self.seconds.value,
            mean=self.seconds.mean,
            median=times.quantile(0.5),
            p10=times.quantile(0.1),
            p90=times.quantile(0.9),
            p95=times.quantile(0.95),
            p99=times.quantile(0.99),
        )


def _worker(worker_id: str, meter: WorkerTimes) -> WorkerQuality:
    return WorkerQuality(
        worker_id=worker_id,
        answers=meter.answers,
        unusable=meter.unusable,
        empty=meter.empty,
        modified=meter.modified,
        no_changes_needed=meter.no_changes_needed,
        mean_time_in_seconds=meter.seconds.mean,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
