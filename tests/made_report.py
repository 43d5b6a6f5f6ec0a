"""The report of a manifest's lines, put together as completion does."""

from __future__ import annotations

from collections.abc import Sequence

from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import read_line
from truepoint.pose.skeleton import Skeleton
from truepoint.results.first_pass import JobSurvey
from truepoint.results.report import Report
from truepoint.results.second_pass import Refiner


def made_report(skeleton: Skeleton, lines: Sequence[bytes], job: str = "people", status: str = "Completed") -> Report:
    """The report's figures of the lines of an output manifest."""
    outcomes = [read_line(Line(n, text, len(text)), "keypoints", lambda _uri: b"") for n, text in enumerate(lines)]
    survey = JobSurvey(skeleton)
    survey.add_all(outcomes)
    known = survey.surveyed()
    refiner = Refiner(job, known, {})
    list(refiner.add_all(outcomes))
    return refiner.tally.report(known, status)
