"""Anchoring: the part of quality.json on the tendency of workers to leave pre-labels unchanged."""

from __future__ import annotations

from typing import get_args

import msgspec

from truepoint.groundtruth.anchoring import Anchoring, Kind
from truepoint.groundtruth.annotation import Annotation
from truepoint.measures.workers import MOST_WORKERS
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.rates import ClusteredCount, Rate, rate
from truepoint.statistics.statistic import Count, Statistic


class KindAnchoring(msgspec.Struct, frozen=True, kw_only=True):
    """The rate for one kind of wrong pre-labels, over all workers."""

    kind: Kind
    wrong_stayed: Rate


class WorkerAnchoring(msgspec.Struct, frozen=True, kw_only=True):
    """The rates of one worker; see `AnchoringQuality`."""

    worker_id: str
    wrong_stayed: Rate
    right_moved: Rate
    withheld_elsewhere: Rate


class AnchoringQuality(msgspec.Struct, frozen=True, kw_only=True):
    """The workers' changes of pre-labels that were right, withheld, or wrong on purpose.

    Attributes:
        images_shown: number of images with the operator's pre-labels.
        images_withheld: number of images whose pre-labels were withheld.
        images_seeded: number of images with a pre-label that was made wrong.
        wrong_stayed: share of answers in which the wrong pre-label stayed. It was removed from all of them.
        right_moved: share of keypoints of the operator's pre-labels that workers removed or moved away.
        withheld_elsewhere: share of keypoints of withheld pre-labels that workers did not label, or labelled elsewhere.
            Without anchoring, and without mistakes that pre-labels prevent, it equals `right_moved`.
        kinds: the rates by kind of wrong pre-label.
        workers: the rates of each worker, sorted by worker id.
        other_workers_answers: number of answers of workers who are not listed because there are too many.
    """

    images_shown: int
    images_withheld: int
    images_seeded: int
    wrong_stayed: Rate
    right_moved: Rate
    withheld_elsewhere: Rate
    kinds: list[KindAnchoring]
    workers: list[WorkerAnchoring]
    other_workers_answers: int = 0


class AnchoringCounts(Statistic):
    """Counts of changes of pre-labels by one or all workers. A cluster is one answer to one image."""

    answers: int = 0
    wrong: int = 0
    stayed: int = 0
    right: ClusteredCount = msgspec.field(default_factory=ClusteredCount)
    withheld: ClusteredCount = msgspec.field(default_factory=ClusteredCount)

    def add(self, anchoring: Anchoring) -> None:
        """Add one worker's changes of one image's pre-labels."""
        self.answers += 1
        self.wrong += anchoring.kind is not None
        self.stayed += anchoring.stayed
        self.right.add(anchoring.moved, anchoring.shown)
        self.withheld.add(anchoring.elsewhere, anchoring.withheld)


class AnchoringMeter(Statistic):
    """The statistic of a job's anchoring. Its memory is bounded: it has counts for at most `MOST_WORKERS` workers."""

    images: dict[str, int] = msgspec.field(default_factory=dict)
    everyone: AnchoringCounts = msgspec.field(default_factory=AnchoringCounts)
    shown: dict[Kind, Count] = msgspec.field(default_factory=dict)
    stayed: dict[Kind, Count] = msgspec.field(default_factory=dict)
    workers: Table[AnchoringCounts] = msgspec.field(default_factory=lambda: Table(MOST_WORKERS))

    def add(self, annotation: Annotation) -> None:
        """Add one image. An image without usable answers, or of a job without the experiment, is not counted."""
        treatments: set[str] = set()
        for worker in annotation.workers:
            anchoring = worker.anchoring
            if anchoring is None:
                continue
            self.everyone.add(anchoring)
            self.workers.at(worker.worker_id, AnchoringCounts).add(anchoring)
            if anchoring.kind is not None:
                treatments.add("seeded")
                self.shown.setdefault(anchoring.kind, Count()).n += 1
                self.stayed.setdefault(anchoring.kind, Count()).n += anchoring.stayed
            elif anchoring.withheld:
                treatments.add("withheld")
            elif anchoring.shown:
                treatments.add("shown")
        for treatment in treatments:
            self.images[treatment] = self.images.get(treatment, 0) + 1

    def quality(self) -> AnchoringQuality | None:
        """Return the rates over all images so far; None for a job without the experiment."""
        if not self.everyone.answers:
            return None
        workers = self.workers.kept()
        return AnchoringQuality(
            images_shown=self.images.get("shown", 0),
            images_withheld=self.images.get("withheld", 0),
            images_seeded=self.images.get("seeded", 0),
            wrong_stayed=rate(self.everyone.stayed, self.everyone.wrong),
            right_moved=self.everyone.right.rate,
            withheld_elsewhere=self.everyone.withheld.rate,
            kinds=[
                KindAnchoring(kind=kind, wrong_stayed=rate(self.stayed[kind].n, self.shown[kind].n))
                for kind in get_args(Kind)
                if kind in self.shown
            ],
            workers=[
                WorkerAnchoring(
                    worker_id=worker_id,
                    wrong_stayed=rate(counts.stayed, counts.wrong),
                    right_moved=counts.right.rate,
                    withheld_elsewhere=counts.withheld.rate,
                )
                for worker_id, counts in sorted(workers.items())
            ],
            other_workers_answers=self.everyone.answers - sum(counts.answers for counts in workers.values()),
        )
