"""The quality report's figures: what quality.json does not hold, because it is for drawing. Bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from keypoints.consolidation import Consolidated
from keypoints.outcome import Labeled, NotLabeled
from keypoints.quality import Quality
from keypoints.skeleton import Skeleton
from keypoints.workers import WorkerReport
from keypoints.worst import LONGEST_TEXT, WorstImage

VERSION = "1.0"
SCORE_BINS = 40
"""Of similarity from 0 to 1."""
TIME_EDGES = tuple(10 ** (step / 6) for step in range(25))
"""Seconds, 1 to 10,000; six bins a factor of ten, because times of labelling spread over factors, not sums."""
MOST_REASONS = 12
"""Shown of why lines are missing; and this many times as many are told apart while counting."""


class DrawnKeypoint(msgspec.Struct, frozen=True):
    """A keypoint of the skeleton; `place` is in the template pose."""

    name: str
    place: tuple[float, float] | None


class Consensus(msgspec.Struct, frozen=True):
    """How near workers are to what they agree on, over instances that several workers marked.

    `bins` counts instances by score, from 0 to 1; `ceiling` is the mean score of honest workers who scatter as sigma
    says, as many an instance as here.
    """

    instances: int
    mean: float | None
    ceiling: float | None
    bins: list[int]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the page is drawn from; its scripts read it, nobody else should."""

    version: str
    status: str
    first_label: str | None
    last_label: str | None
    skeleton: str
    keypoints: list[DrawnKeypoint]
    edges: list[tuple[int, int]]
    quality: Quality
    workers: list[WorkerReport]
    consensus: Consensus
    time_edges: list[float]
    time_bins: list[int]
    not_labeled: list[tuple[str, str, int]]
    other_reasons: int
    worst: list[WorstImage]


class ReportMeter:
    """Takes the outcomes of a job's lines and gives the report's figures."""

    def __init__(self, skeleton: Skeleton) -> None:
        self._skeleton = skeleton
        self._scores = [0] * SCORE_BINS
        self._score = self._ceiling = 0.0
        self._times = [0] * (len(TIME_EDGES) + 1)
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._others = 0
        self._dates: tuple[str, str] | None = None

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count one line."""
        if isinstance(outcome, NotLabeled):
            reason = (outcome.status, outcome.reason[:LONGEST_TEXT])
            if reason in self._reasons or len(self._reasons) < MOST_REASONS**2:
                self._reasons[reason] += 1
            else:
                self._others += 1
            return
        seconds = outcome.annotation.total_time_in_seconds
        if seconds is not None:
            self._times[sum(seconds >= edge for edge in TIME_EDGES)] += 1
        if date := outcome.creation_date:
            first, last = self._dates or (date, date)
            self._dates = (min(first, date), max(last, date))
        for raw in outcome.annotation.updated_annotations:
            self._consolidated(raw)

    def report(
        self,
        quality: Quality,
        status: str,
        workers: Sequence[WorkerReport] = (),
        worst: Sequence[WorstImage] = (),
    ) -> Report:
        """The figures of all lines so far.

        `status` is Ground Truth's word for how the job ended; `worst` are the images to look at first, in that order.
        """
        reasons = sorted(self._reasons.items(), key=lambda item: (-item[1], item[0]))
        shown = reasons[:MOST_REASONS]
        index = {name: i for i, name in enumerate(self._skeleton.keypoint_names)}
        first, last = self._dates or (None, None)
        return Report(
            version=VERSION,
            status=status,
            first_label=first,
            last_label=last,
            skeleton=self._skeleton.name,
            keypoints=[DrawnKeypoint(k.name, k.template) for k in self._skeleton.keypoints],
            edges=[(index[a], index[b]) for a, b, *_ in self._skeleton.edges],
            quality=quality,
            workers=[_without_bias(worker) for worker in workers],
            consensus=self._consensus(),
            time_edges=list(TIME_EDGES),
            time_bins=self._times,
            not_labeled=[(status, reason, count) for (status, reason), count in shown],
            other_reasons=self._others + sum(count for _, count in reasons[MOST_REASONS:]),
            worst=list(worst),
        )

    def _consensus(self) -> Consensus:
        n = sum(self._scores)
        return Consensus(n, self._score / n if n else None, self._ceiling / n if n else None, self._scores)

    def _consolidated(self, raw: Any) -> None:
        """Count an instance that several workers marked; others have nobody to agree with."""
        found = consolidated(raw)
        if found and found.worker_count > 1:
            self._scores[min(int(found.score * SCORE_BINS), SCORE_BINS - 1)] += 1
            self._score += found.score
            self._ceiling += human_ceiling(found.worker_count)


def human_ceiling(workers: int) -> float:
    """Expected mean OKS of `workers` honest workers with their own mean, if they scatter as sigma says: 1 for one.

    COCO's sigma is E[d^2/s^2], so a worker's offset from the mean of n has (1 - 1/n) / 2 of sigma^2 in each direction,
    and the expectation of exp(-d^2 / (8 s^2 sigma^2)) over it is 1 / (1 + (1 - 1/n) / 8). For n without end: 8/9.
    """
    return 8 / (9 - 1 / workers)


def consolidated(raw: Any) -> Consolidated | None:
    """An accepted instance as consolidation wrote it; None of one worker's instance, or of a foreign label's."""
    if not isinstance(raw, dict) or "score" not in raw:
        return None
    try:
        found = msgspec.convert(raw, Consolidated)
    except msgspec.ValidationError:
        return None
    return found if found.worker_count > 0 and 0 <= found.score <= 1 else None


def _without_bias(worker: WorkerReport) -> WorkerReport:
    """The page does not draw it, and it is most of what there is of a worker."""
    return msgspec.structs.replace(
        worker,
        against_others=msgspec.structs.replace(worker.against_others, bias=[]),
        against_gold=msgspec.structs.replace(worker.against_gold, bias=[]),
    )
