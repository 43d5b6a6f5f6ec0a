"""Loading a job: its open lines, numbered as Ground Truth numbers data objects."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal_jobs import description, line, put_images, put_manifest
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.groundtruth.manifest import LONGEST_LINE
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Table
from truepoint.tasks import loading
from truepoint.tasks.documents import read_manifest
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.loading import OpenLines


def test_open_lines_have_the_numbers_and_the_text_of_the_manifest(bucket: Bucket, table: Table) -> None:
    good = [line(bucket.name, f"{n}.jpg") for n in range(4)]
    parts = [
        b"\xef\xbb\xbf" + good[0],
        b"",
        good[1] + b"\r",
        b"no JSON",
        line(bucket.name, "x.jpg", keypoints={}),
        b'{"source":"text"}',
        b"  ",
        b" " + good[2],
        good[3],
    ]
    text = b"\n".join(parts)
    put_manifest(bucket, text)
    job = loading.load(bucket, table, description(bucket.name))
    expected = [entry for entry in read_manifest(text) if entry.text in good]
    assert (job.lines, job.open) == (7, 4)
    locations = [OpenLines(bucket, job.name)(n) for n in range(4)]
    assert [location.line for location in locations] == [int(entry.object_id) for entry in expected] == [0, 2, 7, 8]
    assert [loading.read_line(bucket, job.manifest, location).data_object for location in locations] == [
        entry.data_object for entry in expected
    ]


def test_the_row_contains_the_data_that_requests_need(bucket: Bucket, table: Table) -> None:
    put_images(bucket, 3)
    bucket.write("jobs/people-1/gold.json", json.dumps({"1.jpg": [], "x.jpg": []}).encode(), "application/json")
    job = loading.load(bucket, table, description(bucket.name, workers=3))
    assert (job.name, job.key, job.status, job.workers_per_image) == ("People-1", "people-1", "InProgress", 3)
    assert job.gold == [1]
    assert (job.time_limit, job.deadline - job.created) == (3600.0, 864000.0)
    stored = rows.read(table.get([rows.job_key("people-1")])[rows.job_key("people-1")], rows.Job)
    assert stored == job
    assert [row["name"] for row in table.query(rows.JOBS)] == ["People-1"]


def test_loading_again_keeps_what_leads_changed(bucket: Bucket, table: Table) -> None:
    put_images(bucket, 3)
    loading.load(bucket, table, description(bucket.name))
    table.write(Action(*rows.job_key("people-1"), update="SET #p = :yes", names={"p": "paused"}, values={"yes": True}))
    assert loading.load(bucket, table, description(bucket.name)).paused


def test_many_lines_over_several_reads(bucket: Bucket, table: Table) -> None:
    """Lines lie across the borders of the manifest's pieces and of the list's blocks."""
    count = 3 * loading.RECORDS_AT_ONCE + 1
    padding = "x" * 9000
    put_manifest(bucket, b"\n".join(line(bucket.name, f"{n}.jpg", pad=padding) for n in range(count)))
    job = loading.load(bucket, table, description(bucket.name))
    locations = OpenLines(bucket, job.name)
    for n in (0, 255, 256, 511, 700, count - 1):
        read = loading.read_line(bucket, job.manifest, locations(n))
        assert (locations(n).line, read.source.rpartition("/")[2]) == (n, f"{n}.jpg")
    with pytest.raises(NotReadableError):
        locations(count)


def test_a_line_that_is_too_long_is_not_open(bucket: Bucket, table: Table) -> None:
    long = b"x" * (LONGEST_LINE + 1)
    put_manifest(bucket, b"\n".join([line(bucket.name, "0.jpg"), long, line(bucket.name, "1.jpg")]))
    job = loading.load(bucket, table, description(bucket.name))
    assert (job.lines, job.open) == (3, 2)
    assert loading.read_line(bucket, job.manifest, OpenLines(bucket, job.name)(1)).source.endswith("/1.jpg")


def test_an_empty_manifest_has_no_open_lines(bucket: Bucket, table: Table) -> None:
    put_manifest(bucket, b"\n")
    assert loading.load(bucket, table, description(bucket.name)).open == 0


def test_a_job_without_manifest_is_not_loaded(bucket: Bucket, table: Table) -> None:
    with pytest.raises(NotReadableError):
        loading.load(bucket, table, description(bucket.name))
    assert table.get([rows.job_key("people-1")]) == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"OutputConfig": {"S3OutputPath": "s3://another-bucket/output/"}}, "expected the output"),
        ({"InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://another-bucket/m"}}}}, "manifest"),
        ({"LabelingJobArn": None, "HumanTaskConfig": {}}, "expected the field"),
    ],
)
def test_jobs_of_another_place_are_refused(bucket: Bucket, table: Table, change: dict[str, Any], said: str) -> None:
    put_images(bucket, 1)
    with pytest.raises(LabelingJobError, match=said):
        loading.load(bucket, table, description(bucket.name, **change))
    assert table.get([rows.job_key("people-1")]) == {}


def test_unreadable_gold_is_reported(bucket: Bucket, table: Table) -> None:
    put_images(bucket, 1)
    bucket.write("jobs/people-1/gold.json", b"[]", "application/json")
    with pytest.raises(LabelingJobError, match=r"gold\.json"):
        loading.load(bucket, table, description(bucket.name))


def test_a_line_that_changed_is_not_handed_out(bucket: Bucket, table: Table) -> None:
    put_images(bucket, 2)
    job = loading.load(bucket, table, description(bucket.name))
    location = OpenLines(bucket, job.name)(1)
    put_manifest(bucket, b"x" * (location.offset + location.length))
    with pytest.raises(LabelingJobError, match="line 2"):
        loading.read_line(bucket, job.manifest, location)
