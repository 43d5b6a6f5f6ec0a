"""Ticks: from a new job to its results without a request of a worker."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

import job_completion
import post_annotation
from portal_jobs import NOW, line, put_description, put_images, put_manifest
from portal_site import ADA, BEA, CEM, DOE, MINUTE, Site
from truepoint.adapters.bucket import Bucket
from truepoint.adapters.control import FunctionError
from truepoint.groundtruth.job import ENDED, SOURCE
from truepoint.task_queue import rows
from truepoint.task_queue.queue import LEASE_SECONDS, Verdict
from truepoint.task_queue.table import Action, Table
from truepoint.tasks import consolidating, documents, output_layout, retries
from truepoint.tasks.consolidating import CORRECTION_SECONDS, NO_LABEL
from truepoint.tasks.ending import Ending
from truepoint.tasks.interrupted import NO_INPUT, REQUEST_SECONDS
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import parse_labeling_job
from truepoint.web.requests import RefusedError
from truepoint.web.workers import WorkerRoutes


@pytest.fixture
def site(bucket: Bucket, table: Table) -> Site:
    """A portal with a job of five images for two workers each, which the first tick has loaded."""
    put_images(bucket, 5)
    put_description(bucket)
    made = Site(bucket, table)
    assert made.tick()["loaded"] == ["People-1"]
    return made


# ------------------------------------------------------------------------------------------------ loading


def test_a_new_job_is_loaded_by_the_next_tick_and_once(site: Site) -> None:
    assert (site.job.open, site.job.status) == (5, "InProgress")
    assert site.tick()["loaded"] == []


def test_folders_without_a_job_are_looked_at_less_and_less(bucket: Bucket, table: Table) -> None:
    bucket.write("jobs/of-ground-truth/input.manifest", b"{}", "application/json")
    site = Site(bucket, table)
    site.tick()
    put_description(bucket, "Of-Ground-Truth", LabelingJobStatus="Completed")
    site.tick()  # it has ended: no job of the portal
    site.tick(600)
    (row,) = table.query(rows.FOLDERS)
    assert row["next"] - site.now == pytest.approx(601 * MINUTE / 48)
    put_images(bucket, 1, "of-ground-truth")
    put_description(bucket, "Of-Ground-Truth")
    assert site.tick()["loaded"] == []
    assert site.tick(13)["loaded"] == ["Of-Ground-Truth"]
    assert table.query(rows.FOLDERS) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "description"),
        (b'{"LabelingJobName": "other"}', "people-1"),
        (b'{"LabelingJobName": "people-1"}', "expected the field"),
    ],
)
def test_a_description_that_cannot_be_used_keeps_no_other_job_from_going_on(site: Site, text: bytes, said: str) -> None:
    site.bucket.write("jobs/people-1b/labeling_job.json", text.replace(b"people-1", b"people-1b"), "application/json")
    site.bucket.write("jobs/people-1c/labeling_job.json", text, "application/json")
    site.label_all()
    assert site.tick(5)["moved"]["people-1"]["labelled"] == 5
    assert all(row["problem"] for row in site.table.query(rows.FOLDERS))
    assert said in str([row["problem"] for row in site.table.query(rows.FOLDERS)])


def test_a_job_whose_manifest_is_missing_is_loaded_when_it_is_there(bucket: Bucket, table: Table) -> None:
    put_description(bucket)
    site = Site(bucket, table)
    assert site.tick()["loaded"] == []
    put_images(bucket, 2)
    site.tick(10)
    assert site.tick(10)["loaded"] == [] or site.job.open == 2


def test_a_job_that_was_open_in_the_previous_portal_continues(bucket: Bucket, table: Table) -> None:
    put_images(bucket, 3)
    put_description(bucket)
    answer = {
        "acceptanceTime": "2025-11-24T15:00:00.000Z",
        "submissionTime": "2025-11-24T15:01:00.000Z",
        "timeSpentInSeconds": 60.0,
        "answerContent": {"updated_annotations": "old"},
    }
    for object_id, worker in (("0", ADA), ("0", BEA), ("1", ADA)):
        time = f"2025-11-24_15:0{1 + (worker == BEA)}:00.json"
        text = json.dumps({"answers": [answer | {"workerId": worker}]}).encode()
        bucket.write(f"output/People-1/{output_layout.WORKER_RESPONSES}{object_id}/{time}", text, "application/json")
    site = Site(bucket, table)
    site.tick()
    assert site.row(ADA).answers == 2
    assert site.take(ADA, held=4) == [2]
    site.label_all(BEA)
    site.label_all(ADA)
    site.run_until_ended()
    assert site.labels() == {
        0: {ADA: "old", BEA: "old"},
        1: {ADA: "old", BEA: "b1"},
        2: {ADA: "a2", BEA: "b2"},
    }


# ------------------------------------------------------------------------------------------- consolidation


def test_a_finished_job_becomes_what_the_old_rules_say(site: Site) -> None:
    site.label_all()
    site.run_until_ended()
    text, counters = site.by_the_old_rules()
    assert site.bucket.read(f"output/People-1/{output_layout.OUTPUT_MANIFEST}") == text
    described = site.description
    assert (described["LabelingJobStatus"], described["LabelCounters"]) == ("Completed", counters)
    assert counters["TotalLabeled"] == 5
    assert site.labels()[3] == {ADA: "a3", BEA: "b3"}
    assert described["LabelingJobOutput"]["OutputDatasetS3Uri"].endswith(
        "/output/People-1/manifests/output/output.manifest"
    )
    ((source, detail_type, resources, detail),) = site.events
    assert (source, detail_type, resources) == (SOURCE, ENDED, [described["LabelingJobArn"]])
    assert detail == {"LabelingJobStatus": "Completed", "LabelingJob": described}
    assert (site.job.status, site.job.total_labelled) == ("Completed", 5)
    assert site.tick()["moved"] == {}


def test_the_request_is_ground_truths(site: Site) -> None:
    site.label_all()
    site.tick(5)
    (event,) = site.requests
    assert event == documents.consolidation_event(parse_labeling_job(site.description), event["payload"]["s3Uri"])
    (key,) = site.files(output_layout.CONSOLIDATION_REQUESTS)
    assert event["payload"]["s3Uri"] == f"s3://{site.bucket.name}/{key}"
    first, *others = json.loads(site.bucket.read(key))
    assert first == {
        "datasetObjectId": "0",
        "dataObject": {"s3Uri": f"s3://{site.bucket.name}/jobs/people-1/images/0.jpg"},
        "annotations": [
            {"workerId": worker, "annotationData": {"content": json.dumps({"updated_annotations": f"{worker[1]}0"})}}
            for worker in (ADA, BEA)
        ],
    }
    assert len(others) == 4


def test_images_stay_open_for_corrections_for_a_while(site: Site) -> None:
    site.label_all()
    site.now += CORRECTION_SECONDS / 4
    assert site.tick(0)["moved"] == {}
    assert site.correct(2, BEA) is Verdict.ACCEPTED
    assert site.tick(CORRECTION_SECONDS / MINUTE)["moved"]["people-1"]["labelled"] == 5
    assert site.correct(2, BEA) is Verdict.TOO_LATE
    site.run_until_ended()
    assert site.labels()[2] == {ADA: "a2", BEA: "corrected"}


def test_a_correction_while_the_function_runs_is_in_the_label(site: Site) -> None:
    site.label_all()
    usual = site.invoke_text
    verdicts = []

    def slow(arn: str, event: Mapping[str, Any], seconds: float) -> bytes:
        answer = usual(arn, event, seconds)
        if not verdicts:
            verdicts.append(site.correct(4, ADA, "late"))
        return answer

    site.invoke_text = slow
    assert site.tick(5)["moved"]["people-1"]["labelled"] == 4
    site.run_until_ended()
    assert verdicts == [Verdict.ACCEPTED]
    assert site.labels()[4] == {ADA: "late", BEA: "b4"}
    assert len(site.labels()) == 5


def test_large_answers_get_smaller_batches(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consolidating, "BATCH_BYTES", 1000)  # an answer's file has 230 bytes
    site.label_all()
    site.tick(5)
    assert len(site.requests) == 3


# ------------------------------------------------------------------------------------- functions that fail


def failing_for(site: Site, *bad: str, error: Any = None) -> None:
    """Let the function fail for batches with these objects."""
    usual = site.invoke_text

    def invoke(arn: str, event: Mapping[str, Any], seconds: float) -> bytes:
        key = event["payload"]["s3Uri"].split("/", 3)[3]
        ids = {entry["datasetObjectId"] for entry in json.loads(site.bucket.read(key))}
        if ids & set(bad):
            if isinstance(error, bytes):
                return error
            raise FunctionError("expected post to return, got the error Unhandled")
        return usual(arn, event, seconds)

    site.invoke_text = invoke


@pytest.mark.parametrize("error", [None, b"", b"{}", b"[1]", b'[{"datasetObjectId": "2"}]', b"[" * 5000])
def test_an_image_for_which_the_function_fails_or_returns_nonsense_fails_alone(site: Site, error: Any) -> None:
    failing_for(site, "2", error=error)
    site.label_all()
    site.run_until_ended(60)
    assert sorted(site.labels()) == [0, 1, 3, 4]
    assert sum(site.failures().values()) == 1
    assert site.description["LabelCounters"]["FailedNonRetryableError"] == 1


def test_an_object_without_a_label_fails_with_the_reason(site: Site) -> None:
    failing_for(site, "2", error=b"[]")
    site.label_all()
    site.run_until_ended()
    assert site.failures() == {NO_LABEL: 5}


def test_a_function_that_is_down_for_a_while_costs_no_answer(site: Site) -> None:
    failing_for(site, "0", "1", "2", "3", "4")
    site.label_all()
    for _ in range(20):
        site.tick()
    assert "fails" in site.job.problem
    assert site.job.status == "InProgress"
    del site.invoke_text  # it is repaired
    site.tick(60)
    site.run_until_ended()
    assert (len(site.labels()), site.job.problem) == (5, "")


def test_a_job_can_be_ended_while_its_function_is_down(site: Site) -> None:
    failing_for(site, "0", "1", "2", "3", "4")
    site.label_all()
    site.finish()
    assert site.labels() == {}
    assert sum(site.failures().values()) == 5
    assert site.job.status == "Stopped"
    del site.invoke_text
    site.lead.reopen(site.job, 24, site.now)
    site.tick(20)
    site.run_until_ended()
    assert len(site.labels()) == 5


def test_a_function_that_hangs_leaves_the_tick_in_time(site: Site) -> None:
    site.label_all()

    def hang(_arn: str, _event: Mapping[str, Any], seconds: float) -> bytes:
        site.left -= seconds
        site.now += seconds
        raise FunctionError("expected post to be invoked, got ReadTimeoutError")

    site.invoke_text = hang
    site.tick(5)
    assert 0 < site.left < 200


def test_an_answer_whose_file_is_gone_is_a_recorded_failure(site: Site) -> None:
    site.label_all()
    site.bucket.delete(site.image(3).done[ADA].key)
    site.run_until_ended(60)
    assert sorted(site.labels()) == [0, 1, 2, 4]
    assert "cannot be read" in str(site.failures())


def test_lines_for_which_no_task_can_be_made_fail_alone(site: Site) -> None:
    usual = site.invoke

    def invoke(arn: str, event: Mapping[str, Any]) -> Any:
        if event["dataObject"]["source-ref"].endswith("/0.jpg"):
            raise FunctionError("expected pre to return, got the error Unhandled")
        return usual(arn, event)

    site.invoke = invoke
    assert site.take(ADA) == [0]
    location = site.queue._location_of(0)
    site.table.write(Action(*rows.trouble_key("people-1", 0), put=location._asdict()))
    for _ in range(25):
        site.tick(2)
    assert site.image(0).failure == NO_INPUT
    assert site.row(ADA).leases == []
    assert site.table.query(rows.trouble_pk("people-1")) == []
    site.label_all()
    site.run_until_ended()
    assert (sorted(site.labels()), dict(site.failures())) == ([1, 2, 3, 4], {NO_INPUT: 1})


def test_requests_report_lines_that_no_task_can_be_made_of(site: Site) -> None:
    def broken(_arn: str, _event: Mapping[str, Any]) -> Any:
        return {"taskInput": {"image_s3_uri": None}}

    routes = WorkerRoutes(site.bucket, site.table, broken, lambda: site.now)
    location = site.queue._location_of(3)
    for _ in range(2):
        with pytest.raises(RefusedError):
            routes._input(site.job, location)
    (row,) = site.table.query(rows.trouble_pk("people-1"))
    assert (row["line"], row["offset"], row["length"]) == location
    site.tick()  # here the function works
    assert site.table.query(rows.trouble_pk("people-1")) == []


def test_a_function_for_tasks_that_is_down_closes_no_line(site: Site) -> None:
    def down(_arn: str, _event: Mapping[str, Any]) -> Any:
        raise FunctionError("expected pre to return, got the error Unhandled")

    site.invoke = down
    site.take(ADA)
    site.table.write(Action(*rows.trouble_key("people-1", 0), put=site.queue._location_of(0)._asdict()))
    for _ in range(retries.TRIES + 2):
        site.tick(20)
    assert "prepares tasks" in site.job.problem
    assert site.image(0).failure == ""
    del site.invoke
    site.tick(70)
    assert (site.job.problem, site.table.query(rows.trouble_pk("people-1"))) == ("", [])


# --------------------------------------------------------------------------------------------------- ends


def test_a_deadline_ends_the_job_with_what_there_is(site: Site) -> None:
    site.take(ADA, held=2)
    site.submit(0)
    site.take(BEA)
    site.now = site.job.deadline
    site.tick()
    assert site.job.status == "Stopping"
    assert site.submit(1) is Verdict.CLOSED
    site.run_until_ended()
    assert site.labels() == {0: {ADA: "a0"}}
    assert site.failures() == {documents.EXPIRED: 4}
    assert site.bucket.read(f"output/People-1/{output_layout.OUTPUT_MANIFEST}") == site.by_the_old_rules()[0]


def test_an_extension_at_the_last_moment_counts(site: Site) -> None:
    before = site.job
    site.now = before.deadline + 1
    site.lead.extend(before, 1, site.now)
    job_lease = JobLease.take(site.table, "people-1", "slow", lambda: site.now)
    assert job_lease is not None
    slow = Ending(site.dependencies(), before, parse_labeling_job(site.description))
    assert slow.begin_if_due(job_lease, all_handed_out=False).status == "InProgress"
    assert site.job.status == "InProgress"


def test_a_job_without_open_lines_ends_at_once(bucket: Bucket, table: Table) -> None:
    put_manifest(bucket, line(bucket.name, "0.jpg", keypoints={"earlier": True}) + b"\n")
    put_description(bucket)
    site = Site(bucket, table)
    site.tick()
    assert (site.job.status, len(site.output())) == ("Completed", 1)
    assert site.description["LabelCounters"]["Unlabeled"] == 1


def test_a_lead_ends_the_job_and_what_nobody_labelled_stays_as_it_is(site: Site) -> None:
    site.take(ADA, held=2)
    site.submit(0)
    site.finish()
    assert site.labels() == {0: {ADA: "a0"}}
    assert site.failures() == {}
    assert site.description["LabelCounters"]["Unlabeled"] == 4
    assert site.bucket.read(f"output/People-1/{output_layout.OUTPUT_MANIFEST}") == site.by_the_old_rules()[0]


def test_requests_that_saw_the_job_open_still_count(site: Site) -> None:
    site.take(ADA, held=2)
    seen, row = site.answers, site.row(ADA)
    site.lead.finish(site.job, site.now)
    site.tick()
    verdict = seen.submit(ADA, row, 0, {"updated_annotations": "late"}, seconds=1.0, now=site.now)
    site.now += REQUEST_SECONDS
    site.run_until_ended()
    assert verdict is Verdict.ACCEPTED
    assert site.labels() == {0: {ADA: "late"}}


def test_after_the_end_no_answer_is_counted(site: Site) -> None:
    site.take(ADA, held=2)
    seen, row = site.answers, site.row(ADA)
    site.finish()
    verdict = seen.submit(ADA, row, 0, {"updated_annotations": "late"}, seconds=1.0, now=site.now)
    assert verdict is Verdict.TOO_LATE
    assert site.image(0).done == {}


def test_an_image_that_all_skip_fails_with_the_reason(site: Site) -> None:
    for worker in (ADA, BEA, CEM, DOE):
        assert 0 in site.take(worker, held=1 if worker == ADA else 5)
        site.skip(0, worker)
    site.now += LEASE_SECONDS + 1
    site.label_all(ADA, BEA)
    site.run_until_ended()
    assert site.failures() == {"ClientError: 4 workers skipped this object": 1}
    assert sorted(site.labels()) == [1, 2, 3, 4]


def test_an_image_with_one_answer_that_others_skip_gets_a_label_of_it(site: Site) -> None:
    site.take(ADA)
    site.submit(0)
    for worker in (BEA, CEM, DOE):
        assert 0 in site.take(worker, held=5)
        site.skip(0, worker)
    site.now += LEASE_SECONDS + 1
    site.label_all(ADA, BEA)
    site.run_until_ended()
    assert site.labels()[0] == {ADA: "a0"}


def test_a_reopened_job_keeps_its_labels_and_offers_the_rest(site: Site) -> None:
    site.take(ADA, held=2)
    site.submit(0)
    site.finish()
    site.bucket.write("results/people-1/results.json", b"{}", "application/json")
    site.lead.reopen(site.job, 24, site.now)
    assert site.description["LabelingJobStatus"] == "InProgress"
    site.tick()
    assert site.bucket.etag("results/people-1/results.json") is None
    site.label_all()
    site.tick(5)
    site.tick(5)
    assert not site.job.is_ended  # whatever ended it for the first time may still be at work
    site.run_until_ended()
    assert site.labels() == {0: {ADA: "a0"}} | {n: {ADA: f"a{n}", BEA: f"b{n}"} for n in range(1, 5)}
    assert [event[3]["LabelingJobStatus"] for event in site.events] == ["Stopped", "Completed"]


def test_opening_a_large_job_again_goes_on_in_the_next_tick(site: Site) -> None:
    site.take(ADA)
    site.finish()
    site.lead.reopen(site.job, 24, site.now)
    site.left = 59.0
    site.tick()
    assert (site.state.generation, site.state.reopened) == (0, 1)
    site.left = 900.0
    site.tick()
    assert site.state.generation == 1
    site.label_all()
    assert sorted(site.image(0).done) == [ADA, BEA]
    assert site.row(ADA).answers == 5


def test_lines_that_need_no_label_go_to_the_output_as_they_are(bucket: Bucket, table: Table) -> None:
    lines = [
        line(bucket.name, "0.jpg"), b"", b"{broken", line(bucket.name, "1.jpg", keypoints={"earlier": True}),
        b'{"source": "text"}', line(bucket.name, "2.jpg"), b"x" * (8 * 1024 * 1024 + 1),
    ]  # fmt: skip
    put_manifest(bucket, b"\r\n".join(lines) + b"\n")
    put_description(bucket, workers=1)
    site = Site(bucket, table)
    site.tick()
    site.label_all(ADA)
    site.run_until_ended()
    text, counters = site.by_the_old_rules("4")
    assert site.bucket.read(f"output/People-1/{output_layout.OUTPUT_MANIFEST}").replace(b"\r", b"") == text
    assert site.description["LabelCounters"] == counters
    assert counters["TotalLabeled"] == 2


def test_a_manifest_that_was_changed_mislabels_nothing(site: Site) -> None:
    before = site.bucket.read("jobs/people-1/input.manifest")
    site.label_all()
    site.tick(5)
    first, second, *others = before.splitlines()
    put_manifest(site.bucket, b"\n".join([second, first, *others]) + b"\n")
    for _ in range(10):
        site.tick()
    assert (site.job.status, site.events) == ("Stopping", [])
    assert "has changed" in site.job.problem
    put_manifest(site.bucket, before)
    site.run_until_ended()
    assert site.labels()[0] == {ADA: "a0", BEA: "b0"}
    assert len(site.labels()) == 5


# ------------------------------------------------------------------------------- what requests leave behind


def test_a_line_that_was_assigned_to_nobody_is_offered_again(site: Site) -> None:
    site.table.write(
        Action(*rows.cursor_key("people-1"), update="ADD handed :one", values={"one": 1})
    )  # a request that ended here
    site.label_all()
    assert site.image(0).done == {}
    for _ in range(4):
        site.tick(2)
    site.label_all()
    site.run_until_ended()
    assert len(site.labels()) == 5


def test_a_lost_line_is_offered_again_although_workers_go_on(site: Site) -> None:
    """Lines that are assigned meanwhile do not postpone the repair."""
    site.table.write(Action(*rows.cursor_key("people-1"), update="ADD handed :one", values={"one": 1}))
    site.tick(0)
    for worker in (ADA, BEA):
        site.tick(REQUEST_SECONDS / 3 / MINUTE)
        assert site.take(worker, held=1) != [0]
    site.tick(REQUEST_SECONDS / 3 / MINUTE)
    assert site.take(CEM) == [0]


def test_a_job_ends_without_a_wait_if_no_assigned_line_lacks_its_row(site: Site) -> None:
    site.label_all()
    began = site.now
    site.tick(CORRECTION_SECONDS / MINUTE)
    site.tick(0)
    assert site.job.is_ended
    assert site.now - began == CORRECTION_SECONDS


def test_an_answer_that_was_stored_and_not_counted_is_counted(site: Site) -> None:
    site.take(ADA)
    row = site.row(ADA)
    key = f"output/People-1/{output_layout.portal_answer(0, ADA, 0)}"
    done = site.answers._store_answer(
        ADA, 0, {"updated_annotations": "stored"}, first=0, accepted=site.now, now=site.now + 5
    )
    assert done is not None
    assert done.key == key
    assert site.tick()["moved"] == {}  # the worker's page may still try again
    site.tick(1 + LEASE_SECONDS / MINUTE)
    assert site.image(0).done[ADA].key == key
    assert (row.answers, site.row(ADA).answers) == (0, 1)
    site.take(BEA)
    site.finish()
    assert site.labels() == {0: {ADA: "stored"}}


def test_at_the_end_stored_answers_count_although_their_lease_goes_on(site: Site) -> None:
    site.take(ADA, held=2)
    site.answers._store_answer(ADA, 1, {"updated_annotations": "x"}, first=0, accepted=site.now, now=site.now)
    site.lead.finish(site.job, site.now)
    site.now += REQUEST_SECONDS
    site.tick(0)
    assert site.labels() == {1: {ADA: "x"}}


# ------------------------------------------------------------------------------------------- real functions


def test_the_stacks_own_functions_make_results(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUCKET_NAME", site.bucket.name)
    monkeypatch.setenv("USES_GROUND_TRUTH", "no")

    class Context:
        function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "test"

        @staticmethod
        def get_remaining_time_in_millis() -> int:
            return 900_000

    def invoke_text(_arn: str, event: Mapping[str, Any], _seconds: float) -> bytes:
        return json.dumps(post_annotation.handler(json.loads(json.dumps(event)), Context())).encode()

    site.invoke_text = invoke_text
    site.label_all()
    site.run_until_ended()
    ((source, detail_type, resources, detail),) = site.events
    event = {"source": source, "detail-type": detail_type, "resources": resources, "detail": detail}
    monkeypatch.setattr("truepoint.runs.announcement.put_event", lambda *_: None)
    results = job_completion.handler(json.loads(json.dumps(event)), Context())
    assert results["labeling_job"] == "People-1"
    assert results["lines"] == 5
    assert site.now > NOW
