"""docs/scale.md says what bench/scale.py computes, and that computes with the limits that are deployed."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
import scale

ROOT = Path(__file__).parents[2]


def test_the_page_has_the_table_of_the_model() -> None:
    text = (ROOT / "docs" / "scale.md").read_text()
    assert scale.table() in text, "run: python bench/scale.py --write"
    assert scale.page(text) == text
    assert f"A manifest of up to {scale.LARGEST_AT_ONCE >> 20} MB" in text
    assert f"in ranges of {scale.LARGEST_RANGE >> 20} MB" in text


def test_the_model_has_the_concurrency_and_memory_of_the_template() -> None:
    template = (ROOT / "template.yaml").read_text()
    assert re.findall(r"MaxConcurrency: (\d+)", template) == [str(most) for most in scale.AT_ONCE]
    assert f"MemorySize: {scale.CORE_MB}" in template


@pytest.mark.parametrize("job", scale.JOBS, ids=lambda job: f"{job.workers} workers")
def test_cost_grows_with_the_images_and_time_not_beyond(job: scale.Job) -> None:
    for fewer, more in pairwise(scale.SIZES):
        a, b = scale.estimate(job, fewer), scale.estimate(job, more)
        assert 0.9 < b.total / a.total / (more / fewer) < 1.1
        assert b.seconds < 1.1 * a.seconds * more / fewer
        assert b.puts_a_second <= scale.PUTS_A_SECOND


def test_a_job_at_the_threshold_is_one_range_and_has_no_steps() -> None:
    job = scale.JOBS[0]
    images = scale.LARGEST_AT_ONCE // job.line
    assert (scale.estimate(job, images).ranges, scale.estimate(job, images).steps) == (1, 0.0)
    assert scale.estimate(job, images + 1).ranges > 1
