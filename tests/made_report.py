"""The report of a manifest's lines, put together as completion does."""

from __future__ import annotations

import io
from collections.abc import Sequence

from keypoints.manifest import Line
from keypoints.outcome import Labeled, read_line
from keypoints.quality import QualityMeter
from keypoints.refinement import Refiner
from keypoints.report import Report, ReportMeter
from keypoints.review import ReviewList
from keypoints.skeleton import Skeleton
from keypoints.survey import JobSurvey
from keypoints.worst import Drawings


def made_report(skeleton: Skeleton, lines: Sequence[bytes], job: str = "people", status: str = "Completed") -> Report:
    """The report's figures of the lines of an output manifest."""
    outcomes = [read_line(Line(n, text, len(text)), "keypoints", lambda _uri: b"") for n, text in enumerate(lines)]
    survey = JobSurvey(skeleton)
    for outcome in outcomes:
        survey.add(outcome)
    refiner, quality = Refiner(job, survey, {}), QualityMeter(job, skeleton)
    figures, drawings = ReportMeter(skeleton), Drawings(skeleton, io.BytesIO())
    review = ReviewList(skeleton, io.BytesIO())
    for outcome in outcomes:
        refined = refiner.refine(outcome) if isinstance(outcome, Labeled) else outcome
        quality.add(refined)
        figures.add(refined)
        if isinstance(refined, Labeled):
            drawings.add(refined)
            review.add(refined)
    return figures.report(
        quality.quality(refiner.agreed(), refiner.sigmas()),
        status,
        refiner.report().workers,
        drawings.worst(image for image, _ in review.ranked()),
    )
