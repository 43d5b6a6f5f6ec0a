from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from builders import keypoint, label, outcome, record
from hypothesis import given
from hypothesis import strategies as st

from truepoint.groundtruth.job import LabelingJob
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint
from truepoint.results.quality import Quality, QualityMeter
from truepoint.results.result_set import AccountingError, SkeletonSource, results

SKELETON = Skeleton("pen", (SkeletonKeypoint("tip"), SkeletonKeypoint("end")))


def quality_of(*lines: Any) -> Quality:
    meter = QualityMeter.of(SKELETON)
    for number, line in enumerate(lines):
        meter.add(outcome(line, number), "people", sigma_table(SKELETON))
    return meter.quality("people")


def test_counts_and_shares() -> None:
    both = [{"annotations": [keypoint("tip", 1, 1), keypoint("end", 2, 2, 1)]}]
    tip = [{"annotations": [keypoint("tip", 1, 1), keypoint("cap", 3, 3)]}, {"annotations": []}]
    chained = record(label(both))
    chained["keypoints-metadata"]["job-name"] = "first"
    quality = quality_of(
        record(label(both, no_changes_needed=True, was_modified=False)),
        record(label(tip)),
        chained,
        record(label([], below_quorum=[{"worker_ids": ["w1"], "instances": []}])),
        record(),
        b"{",
    )
    assert (quality.lines, quality.written, quality.rejected, quality.failed, quality.unlabeled) == (6, 4, 1, 0, 1)
    tip_quality, end_quality = quality.keypoints
    assert (tip_quality.labeled, tip_quality.completeness, tip_quality.visible_share) == (3, 0.75, 1)
    assert (end_quality.labeled, end_quality.occluded, end_quality.completeness) == (2, 2, 0.5)
    assert quality.unknown_keypoints == {"cap": 1}
    assert (quality.instances, quality.instances_without_keypoints, quality.images_without_instances) == (4, 1, 1)
    assert (quality.labeled_by_other_jobs, quality.instances_below_quorum) == (1, 1)
    assert (quality.modified, quality.modified_share, quality.no_changes_needed) == (3, 0.75, 1)


def test_workers() -> None:
    workers = [
        {"worker_id": "b", "usable": True, "was_modified": True, "total_time_in_seconds": 4.0},
        {"worker_id": "a", "usable": False, "reason": "not JSON"},
    ]
    quality = quality_of(record(label([], workers=workers)), record(label([], workers=workers[:1])))
    assert [(w.worker_id, w.answers, w.unusable, w.modified, w.mean_time_in_seconds) for w in quality.workers] == [
        ("a", 1, 1, 0, None), ("b", 2, 0, 2, 4.0),
    ]  # fmt: skip
    assert quality.workers_per_image == {"1": 1, "2": 1}


def test_answers_that_label_nothing_are_counted_by_worker() -> None:
    found = [{"annotations": [keypoint("tip", 1, 1)]}]
    box = [{"annotations": [], "box": [1, 1, 5, 5]}]
    several = [
        {"worker_id": "a", "usable": True, "annotations": found},
        {"worker_id": "b", "usable": True, "annotations": [{"annotations": []}]},
        {"worker_id": "c", "usable": False, "reason": "not JSON"},
    ]
    quality = quality_of(
        record(label(found, workers=several)),
        record(label([])),
        record(label(box)),
        record(label(found)),
        record(label([7])),
    )
    assert {w.worker_id: w.empty for w in quality.workers} == {"a": 0, "b": 1, "c": 0, "w1": 1}
    assert quality.empty_answers == 2


def test_quality_of_no_lines() -> None:
    quality = quality_of()
    assert quality.modified_share is None
    assert quality.keypoints[0].completeness is None
    assert quality.time_in_seconds.mean is None


@given(st.lists(st.integers(0, 256), max_size=20))
def test_times(times: list[int]) -> None:
    found = quality_of(*(record(label([], total_time_in_seconds=t)) for t in times)).time_in_seconds
    assert (found.images, found.total) == (len(times), sum(times))
    if times:
        percentiles = np.percentile(times, [50, 10, 90, 95, 99], method="inverted_cdf")
        assert [found.median, found.p10, found.p90, found.p95, found.p99] == list(percentiles)


JOB = LabelingJob(
    name="people", arn="arn", status="Completed", label_attribute_name="keypoints", output_manifest_uri="s3://b-b/k"
)


def test_the_accounting_must_add_up() -> None:
    counts = {"lines": 3, "written": 1, "rejected": 1, "failed": 1, "unlabeled": 0}
    assert results(JOB, None, SkeletonSource("file", "pen"), counts, 3).lines == 3
    for wrong, lines in ((counts | {"lines": 4}, 4), (counts | {"lines": 4}, 3), (counts, 4)):
        with pytest.raises(AccountingError, match=f"== {lines} lines"):
            results(JOB, None, SkeletonSource("file", "pen"), wrong, lines)
