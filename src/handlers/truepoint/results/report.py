"""The data of the quality report: quality.json, workers.json, and data that only the page uses.

Memory is bounded for any labels.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from truepoint.consensus.consolidation import Consolidated
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.workers import WorkerReport
from truepoint.pose.skeleton import Skeleton
from truepoint.results.comments import Comment, comments
from truepoint.results.quality import Quality
from truepoint.results.worst import LONGEST_TEXT, WorstImage, shortened
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.exact_sum import ExactSum
from truepoint.statistics.rates import Rate, rate
from truepoint.statistics.statistic import Statistic

VERSION = "1.1"
SCORE_EDGES = tuple(step / 40 for step in range(1, 40))
"""Inner edges of the bins of similarity, which run from 0 to 1."""
TIME_EDGES = (
    *(1, 2, 3, 5, 7, 10, 15, 20, 30, 45),
    *(60, 90, 120, 180, 300, 420, 600, 900, 1200, 1800, 2700),
    *(3600, 5400, 7200, 10800),
)
"""Inner edges of the bins of time, in seconds. Each is a short number of seconds, minutes or hours, so that the page
states it exactly. Bins widen with time, because labelling times differ by factors."""
MOST_REASONS = 12
"""Maximum number of reasons listed for lines without an annotation. The rest are only counted."""
MOST_COUNTED_REASONS = 1000
"""Maximum number of reasons kept while counting (statistics.bottom_k). Reasons that differ only in numbers count as
one."""
LONGEST_KEY = 300
"""Number of leading characters of a reason that must be equal, except for numbers, to count as the same reason."""
LONGEST_REASON = 4000
"""Maximum length of a reason shown, in characters. Twice `MOST_COUNTED_REASONS` of them take 8 MB."""
MOST_COMMENTS = 60
"""Maximum number of comments listed; comments.jsonl has all of them."""
_NUMBER = re.compile(r"\d+")


class DrawnKeypoint(msgspec.Struct, frozen=True):
    """A keypoint of the skeleton; `point` is its position in the template pose."""

    name: str
    point: tuple[float, float] | None


class Consensus(msgspec.Struct, frozen=True):
    """Similarity of the workers to the consensus, over instances that several workers marked.

    `bins` counts instances by score between 0, `edges` and 1; a score on an edge is in the bin above it. `ceiling` is
    the human ceiling: the mean score of equally many careful workers, whose positions scatter as the sigmas state.
    """

    instances: int
    mean: float | None
    ceiling: float | None
    edges: tuple[float, ...]
    bins: list[int]


class MissingLines(msgspec.Struct, frozen=True, kw_only=True):
    """Lines without an annotation for one reason.

    `reason` is that of the first such line, whose number is `line`. `differ` says whether reasons of other lines
    contain other numbers.
    """

    status: str
    reason: str
    lines: int
    line: int
    differ: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The data of the report page, which only the page's own script reads.

    `empty` has, for each worker of `quality`, the share of empty answers among the usable ones. `suspicious` is the
    number of images that may hold a label error. suspicious.jsonl lists `listed` of them, and `worst` are the first of
    these. `is_local` says whether the labels are files on the analyst's machine, which no job in S3 belongs to.
    """

    version: str
    status: str
    first_label: str | None
    last_label: str | None
    skeleton: str
    keypoints: list[DrawnKeypoint]
    edges: list[tuple[int, int]]
    quality: Quality
    workers: list[WorkerReport]
    empty: list[Rate]
    consensus: Consensus
    time_edges: tuple[float, ...]
    time_bins: list[int]
    not_labeled: list[MissingLines]
    other_reasons: int
    comments: list[Comment]
    other_comments: int
    suspicious: int
    listed: int
    worst: list[WorstImage]
    is_local: bool = False


class ReasonMeter(Statistic):
    """Statistics of lines with one reason; `line` and `reason` are those of the first."""

    n: int = 0
    line: int = 0
    reason: str = ""
    differ: bool = False

    def add(self, line: int, reason: str) -> None:
        """Count one line."""
        if not self.n:
            self.line, self.reason = line, reason
        self.n += 1
        self.differ |= reason != self.reason

    def merge(self, later: ReasonMeter) -> None:
        """Add the counts of later lines."""
        self.n += later.n
        self.differ |= later.differ or later.reason != self.reason


class Dates(Statistic):
    """The first and the last date, as ISO text."""

    first: str | None = None
    last: str | None = None

    def add(self, date: str) -> None:
        """Add one date."""
        self.first = date if self.first is None else min(self.first, date)
        self.last = date if self.last is None else max(self.last, date)

    def merge(self, later: Dates) -> None:
        """Add the dates of other lines."""
        for date in (later.first, later.last):
            if date is not None:
                self.add(date)


class FirstComments(Statistic):
    """The first comments of workers, shortened, and the number of all comments."""

    n: int = 0
    first: list[Comment] = msgspec.field(default_factory=list)

    def add(self, comment: Comment) -> None:
        """Add one comment."""
        self.n += 1
        if len(self.first) < MOST_COMMENTS:
            texts = {name: shortened(text) for name, text in _texts(comment).items()}
            self.first.append(msgspec.structs.replace(comment, **texts))

    def merge(self, later: FirstComments) -> None:
        """Add the comments of later lines."""
        self.n += later.n
        self.first = (self.first + later.first)[:MOST_COMMENTS]


class ReportMeter(Statistic):
    """Statistics of a job's lines, for `Report`."""

    scores: list[int] = msgspec.field(default_factory=lambda: [0] * (len(SCORE_EDGES) + 1))
    score: ExactSum = msgspec.field(default_factory=ExactSum)
    ceiling: ExactSum = msgspec.field(default_factory=ExactSum)
    times: list[int] = msgspec.field(default_factory=lambda: [0] * (len(TIME_EDGES) + 1))
    not_labeled: int = 0
    suspicious: int = 0
    reasons: Table[ReasonMeter] = msgspec.field(default_factory=lambda: Table(MOST_COUNTED_REASONS))
    dates: Dates = msgspec.field(default_factory=Dates)
    comments: FirstComments = msgspec.field(default_factory=FirstComments)

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Count one line."""
        if isinstance(outcome, NotLabeled):
            self.not_labeled += 1
            key = f"{outcome.status} {_NUMBER.sub('#', outcome.reason[:LONGEST_KEY])}"
            self.reasons.at(key, ReasonMeter).add(outcome.line, shortened(outcome.reason, LONGEST_REASON))
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
        *,
        listed: int = 0,
        is_local: bool = False,
    ) -> Report:
        """Return the data of the report for the lines so far.

        Args:
            skeleton: the job's skeleton.
            quality: the content of quality.json.
            status: the job's status in Ground Truth's terms.
            workers: the workers of workers.json.
            worst: the images to draw, most suspicious first.
            listed: number of images in suspicious.jsonl.
            is_local: whether no job in S3 belongs to the labels.
        """
        reasons = self.reasons.kept().items()
        counted = [(name.partition(" ")[0], meter) for name, meter in reasons]
        shown = sorted(counted, key=lambda entry: (-entry[1].n, entry[1].line))[:MOST_REASONS]
        index = skeleton.keypoint_index
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
            empty=[rate(worker.empty, worker.answers - worker.unusable) for worker in quality.workers],
            consensus=self._consensus(),
            time_edges=TIME_EDGES,
            time_bins=self.times,
            not_labeled=[
                MissingLines(status=status, reason=m.reason, lines=m.n, line=m.line, differ=m.differ)
                for status, m in shown
            ],
            other_reasons=self.not_labeled - sum(meter.n for _, meter in shown),
            comments=self.comments.first,
            other_comments=self.comments.n - len(self.comments.first),
            suspicious=self.suspicious,
            listed=listed,
            worst=list(worst),
            is_local=is_local,
        )

    def _consensus(self) -> Consensus:
        return Consensus(sum(self.scores), self.score.mean, self.ceiling.mean, SCORE_EDGES, self.scores)

    def _consolidated(self, raw: Any) -> None:
        """Count an instance if several workers marked it."""
        instance = consolidated(raw)
        if instance and instance.worker_count > 1:
            self.scores[bisect_right(SCORE_EDGES, instance.score)] += 1
            self.score.add(instance.score)
            self.ceiling.add(human_ceiling(instance.worker_count))


def with_pictures(report: Report, pictures: Mapping[int, str]) -> Report:
    """Return the report with thumbnails of its most suspicious images. `pictures` are JPEGs as data URLs, by line."""
    worst = [
        msgspec.structs.replace(
            image, drawing=msgspec.structs.replace(image.drawing, picture=pictures.get(image.line, ""))
        )
        for image in report.worst
    ]
    return msgspec.structs.replace(report, worst=worst)


def human_ceiling(workers: int) -> float:
    """Return the expected mean OKS of careful workers with their own mean, if positions scatter as the sigmas state.

    COCO defines sigma by E[d^2/s^2] = sigma^2, so a worker's offset from the mean of n workers has the variance
    (1 - 1/n) / 2 * sigma^2 in each direction. The expectation of exp(-d^2 / (8 s^2 sigma^2)) over such offsets is
    1 / (1 + (1 - 1/n) / 8): 1 for one worker, and 8/9 in the limit of many.
    """
    return 8 / (9 - 1 / workers)


def consolidated(raw: Any) -> Consolidated | None:
    """Return an instance of a label as `Consolidated`; None if consolidation did not write it."""
    if not isinstance(raw, dict) or "score" not in raw:
        return None
    try:
        instance = msgspec.convert(raw, Consolidated)
    except msgspec.ValidationError:
        return None
    return instance if instance.worker_count > 0 and 0 <= instance.score <= 1 else None


def _texts(comment: Comment) -> dict[str, str]:
    return {name: value for name, value in msgspec.structs.asdict(comment).items() if isinstance(value, str)}


def _without_bias(worker: WorkerReport) -> WorkerReport:
    """Return a worker's report without biases, which are most of its size and which the page does not show."""
    return msgspec.structs.replace(
        worker,
        against_others=msgspec.structs.replace(worker.against_others, bias=[]),
        against_gold=msgspec.structs.replace(worker.against_gold, bias=[]),
    )
