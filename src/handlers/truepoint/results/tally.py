"""The statistics of the second pass, from which the files about the whole job are written.

These are quality.json, workers.json, report.html, suspicious.jsonl and review.manifest. Tallies of parts of a job merge
exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.agreement import AgreementMeter
from truepoint.measures.workers import WorkerMeter, Workers
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.skeleton import Skeleton
from truepoint.results.first_pass import Surveyed
from truepoint.results.quality import Quality, QualityMeter
from truepoint.results.report import Report, ReportMeter
from truepoint.results.review import MOST_IMAGES, Listed, SuspiciousImage, listed
from truepoint.results.worst import MOST, WorstImage, worst_image
from truepoint.statistics.ranking import Ranking
from truepoint.statistics.statistic import Statistic


class Tally(Statistic):
    """The statistics of a job's lines after the second pass. Memory is bounded for any labels.

    Steps exchange it as JSON: `msgspec.json.encode(tally)` and `msgspec.json.decode(text, type=Tally)`.
    """

    labeling_job: str
    quality: QualityMeter
    agreement: AgreementMeter
    workers: WorkerMeter = msgspec.field(default_factory=WorkerMeter)
    figures: ReportMeter = msgspec.field(default_factory=ReportMeter)
    review: Ranking[Listed] = msgspec.field(default_factory=lambda: Ranking(MOST_IMAGES))
    worst: Ranking[WorstImage] = msgspec.field(default_factory=lambda: Ranking(MOST))

    @classmethod
    def of(cls, labeling_job: str, skeleton: Skeleton) -> Tally:
        """Return an empty tally."""
        return cls(labeling_job, QualityMeter.of(skeleton), AgreementMeter.of(skeleton.keypoint_names))

    def add(self, outcome: Labeled | NotLabeled, table: SigmaTable) -> None:
        """Count one line."""
        self.quality.add(outcome, self.labeling_job, table)
        self.figures.add(outcome)

    def add_suspicious(
        self, labeled: Labeled, image: SuspiciousImage, index: Mapping[str, int], images_job: str
    ) -> None:
        """Count a suspicious image, and keep it if it is among the most suspicious.

        Args:
            labeled: the image.
            image: its suspicious instances.
            index: the keypoints' indices, by name.
            images_job: the job whose folder contains the images.
        """
        self.figures.suspicious += 1
        if self.review.wants(image.suspicion, image.line):
            self.review.add(image.suspicion, image.line, listed(labeled, image, images_job))
        if self.worst.wants(image.suspicion, image.line):
            self.worst.add(image.suspicion, image.line, worst_image(labeled, image, index))

    @property
    def counts(self) -> dict[str, int]:
        """The counts of lines."""
        return self.quality.counts

    def quality_file(self, surveyed: Surveyed) -> Quality:
        """Return the content of quality.json, without agreement if no image had several workers."""
        agreement = self.agreement.agreement() if self.agreement.images else None
        return self.quality.quality(self.labeling_job, agreement, surveyed.sigmas)

    def workers_file(self, surveyed: Surveyed) -> Workers:
        """Return the content of workers.json."""
        return self.workers.report(self.labeling_job, surveyed.weights, surveyed.variances)

    def report(self, surveyed: Surveyed, status: str, *, is_local: bool = False) -> Report:
        """Return the data of report.html.

        Args:
            surveyed: the results of the first pass.
            status: the job's status in Ground Truth's terms.
            is_local: whether no job in S3 belongs to the labels.
        """
        workers = self.workers_file(surveyed).workers
        return self.figures.report(
            surveyed.skeleton,
            self.quality_file(surveyed),
            status,
            workers,
            self.worst.ranked(),
            listed=len(self.review.heap),
            is_local=is_local,
        )

    def suspicious_lines(self) -> Iterator[bytes]:
        """Yield the lines of suspicious.jsonl."""
        return (f"{image.suspicious}\n".encode() for image in self.review.ranked())

    def review_lines(self) -> Iterator[bytes]:
        """Yield the lines of review.manifest."""
        return (f"{image.review}\n".encode() for image in self.review.ranked() if image.review is not None)
