"""The quality report's figures: what quality.json does not hold, because it is for drawing. Bounded memory."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec

from truepoint.consensus.consolidation import Consolidated
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.workers import WorkerReport
from truepoint.pose.skeleton import Skeleton
from truepoint.results.comments import Comment, comments
from truepoint.results.quality import Quality
from truepoint.results.worst import LONGEST_TEXT, WorstImage
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.statistic import Count, Statistic

VERSION = "1.0"
SCORE_BINS = 40
"""Of similarity from 0 to 1."""
TIME_EDGES = tuple(10 ** (step / 6) for step in range(25))
"""Seconds, 1 to 10,000; six bins a factor of ten, because times of labelling spread over factors, not sums."""
MOST_REASONS = 12
"""Shown of why lines are missing."""
MOST_COUNTED_REASONS = 1000
"""Told apart while counting, numbers in them aside. Of more, so many are counted (statistics.bottom_k)."""
_NUMBER = re.compile(r"\d+")
MOST_COMMENTS = 60
"""Shown of what workers wrote; comments.jsonl has all of it."""


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
    comments: list[Comment]
    other_comments: int
    worst: list[WorstImage]


class Dates(Statistic):
    """The first and the last of dates as ISO text."""

    first: str | None = None
    last: str | None = None

    def add(self, date: str) -> None:
        """Take one."""
        self.first = date if self.first is None else min(self.first, date)
        self.last = date if self.last is None else max(self.last, date)

    def merge(self, later: Dates) -> None:
        """Take what another has taken."""
        for date in (later.first, later.last):
            if date is not None:
                self.add(date)


class FirstComments(Statistic):
    """The first of what workers wrote, cut short, and how much there was."""

    n: int = 0
    first: list[Comment] = msgspec.field(default_factory=list)

    def add(self, comment: Comment) -> None:
        """Take one."""
        self.n += 1
        if len(self.first) < MOST_COMMENTS:
            texts = {name: text[:LONGEST_TEXT] for name, text in _texts(comment).items()}
            self.first.append(msgspec.structs.replace(comment, **texts))

    def merge(self, later: FirstComments) -> None:
        """Take what another has taken."""
        self.n += later.n
        self.first = (self.first + later.first)[:MOST_COMMENTS]


class ReportMeter(Statistic):
    """Takes the outcomes of a job's lines and gives the report's figures."""

    scores: list[int] = msgspec.field(default_factory=lambda: [0] * SCORE_BINS)
    score: ExactSum = msgspec.field(default_factory=ExactSum)
    ceiling: ExactSum = msgspec.field(default_factory=ExactSum)
    times: list[int] = msgspec.field(default_factory=lambda: [0] * (len(TIME_EDGES) + 1))
    not_labeled: int = 0
    reasons: Table[Count] = msgspec.field(default_factory=lambda: Table(MOST_COUNTED_REASONS))
    dates: Dates = msgspec.field(default_factory=Dates)
    comments: FirstComments = msgspec.field(default_factory=FirstComments)

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count one line."""
        if isinstance(outcome, NotLabeled):
            self.not_labeled += 1
            reason = _NUMBER.sub("#", outcome.reason[:LONGEST_TEXT])
            self.reasons.at(f"{outcome.status} {reason}", Count).n += 1
            return
        seconds = outcome.annotation.total_time_in_seconds
        if seconds is not None:
            self.times[bisect_right(TIME_EDGES, seconds)] += 1
        if date := outcome.creation_date:
            self.dates.add(date[:LONGEST_TEXT])
        for raw in outcome.annotation.updated_annotations:
            self._consolidated(raw)
        for comment in comments(outcome):
            self.comments.add(comment)

    def report(
        self,
        skeleton: Skeleton,
        quality: Quality,
        status: str,
        workers: Sequence[WorkerReport] = (),
        worst: Sequence[WorstImage] = (),
    ) -> Report:
        """The figures of all lines so far.

        `status` is Ground Truth's word for how the job ended; `worst` are the images to look at first, in that order.
        """
        counted = [(*name.partition(" ")[::2], count.n) for name, count in self.reasons.kept().items()]
        shown = sorted(counted, key=lambda reason: (-reason[2], reason[:2]))[:MOST_REASONS]
        index = {name: i for i, name in enumerate(skeleton.keypoint_names)}
        return Report(
            version=VERSION,
            status=status,
            first_label=self.dates.first,
            last_label=self.dates.last,
            skeleton=skeleton.name,
            keypoints=[DrawnKeypoint(k.name, k.template) for k in skeleton.keypoints],
            edges=[(index[a], index[b]) for a, b, *_ in skeleton.edges],
            quality=quality,
            workers=[_without_bias(worker) for worker in workers],
            consensus=self._consensus(),
            time_edges=list(TIME_EDGES),
            time_bins=self.times,
            not_labeled=shown,
            other_reasons=self.not_labeled - sum(n for *_, n in shown),
            comments=self.comments.first,
            other_comments=self.comments.n - len(self.comments.first),
            worst=list(worst),
        )

    def _consensus(self) -> Consensus:
        return Consensus(sum(self.scores), self.score.mean, self.ceiling.mean, self.scores)

    def _consolidated(self, raw: Any) -> None:
        """Count an instance that several workers marked; others have nobody to agree with."""
        found = consolidated(raw)
        if found and found.worker_count > 1:
            self.scores[min(int(found.score * SCORE_BINS), SCORE_BINS - 1)] += 1
            self.score.add(found.score)
            self.ceiling.add(human_ceiling(found.worker_count))


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


def _texts(comment: Comment) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(comment).items() if isinstance(value, str)}


def _without_bias(worker: WorkerReport) -> WorkerReport:
    """The page does not draw it, and it is most of what there is of a worker."""
    return msgspec.structs.replace(
        worker,
        against_others=msgspec.structs.replace(worker.against_others, bias=[]),
        against_gold=msgspec.structs.replace(worker.against_gold, bias=[]),
    )
