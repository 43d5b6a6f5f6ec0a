"""Answers, corrections and skips: nothing is acknowledged before it is in the bucket and counted, and nothing twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from portal_jobs import NOW, description, put_images
from portal_site import CountingTable
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.queue import LEASE_SECONDS, TaskQueue, Verdict
from truepoint.task_queue.rows import Image, Job, Worker
from truepoint.task_queue.table import Action, Table
from truepoint.tasks import answers, loading, output_layout
from truepoint.tasks.answers import Answers
from truepoint.tasks.documents import parse_worker_response
from truepoint.tasks.loading import OpenLines

ADA, BEA = "p" + "a" * 19, "p" + "b" * 19
FIELDS: dict[str, Any] = {"updated_annotations": "[]", "no_changes_needed": {"value": True}}
OTHER: dict[str, Any] = {"updated_annotations": "[1]"}


class KilledError(Exception):
    """The process ends here."""


class MortalTable(Table):
    """The table, in a process that is killed at one of its calls: before DynamoDB gets it, or before its answer."""

    def __init__(self, name: str, dies_at: int, after: bool) -> None:
        super().__init__(name)
        self.left = dies_at
        self.after = after

    def _call(self, method: str, **request: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise KilledError
        answer = super()._call(method, **request)
        if self.left == 0:
            raise KilledError
        return answer


def image_of(table: Table, job: Job, line: int) -> Image:
    return TaskQueue(table, job, _no_place).image(line)


def _no_place(number: int) -> Any:
    raise AssertionError(number)


@pytest.fixture
def job(bucket: Bucket, table: Table) -> Job:
    put_images(bucket, 4)
    bucket.write("jobs/people-1/gold.json", json.dumps({"3.jpg": []}).encode(), "application/json")
    return loading.load(bucket, table, description(bucket.name, workers=1))


class Desk:
    """What a worker's requests do, each with rows that are read anew."""

    def __init__(self, bucket: Bucket, table: CountingTable, job: Job) -> None:
        self.bucket, self.table, self.job = bucket, table, job
        self.queue = TaskQueue(table, job, OpenLines(bucket, job.name))
        self.answers = Answers(bucket, self.queue, job)

    def row(self, worker: str) -> Worker:
        key = rows.worker_key(self.job.key, worker)
        found: Worker = rows.read(self.table.get([key]).get(key), Worker)
        return found

    def take(self, worker: str = ADA, now: float = NOW, held: int = 1) -> list[int]:
        return [lease.line for lease in self.queue.next_tasks(worker, self.row(worker), now, held).leases]

    def submit(self, line: int, content: dict[str, Any], worker: str = ADA, now: float = NOW + 60) -> Verdict:
        return self.answers.submit(worker, self.row(worker), line, content, seconds=50.0, now=now)

    def correct(self, line: int, content: dict[str, Any], worker: str = ADA, now: float = NOW + 120) -> Verdict:
        return self.answers.correct(worker, line, content, now)

    def skip(self, line: int, worker: str = ADA, now: float = NOW + 60) -> Verdict:
        return self.answers.skip(worker, self.row(worker), line, reason="other", note="dark", now=now)

    def files(self) -> list[str]:
        return list(self.bucket.keys("output/People-1/annotations", ""))


@pytest.fixture
def desk(bucket: Bucket, table: CountingTable, job: Job) -> Desk:
    return Desk(bucket, table, job)


def test_an_accepted_answer_is_in_the_bucket_and_counted(desk: Desk) -> None:
    assert desk.take() == [0]
    assert desk.submit(0, FIELDS) is Verdict.ACCEPTED
    (key,) = desk.files()
    assert key == f"output/People-1/{output_layout.portal_answer(0, ADA, 0)}"
    document = json.loads(desk.bucket.read(key))
    assert parse_worker_response(json.dumps(document).encode()) == {ADA: FIELDS}
    (answer,) = document["answers"]
    assert answer["timeSpentInSeconds"] == 60.0
    assert answer["acceptanceTime"] == datetime.fromtimestamp(NOW, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert image_of(desk.table, desk.job, 0).done[ADA].key == key
    assert (desk.row(ADA).answers, desk.row(ADA).seconds) == (1, 50.0)


def test_the_claimed_seconds_are_bounded_by_the_lease(desk: Desk) -> None:
    desk.take()
    desk.answers.submit(ADA, desk.row(ADA), 0, FIELDS, seconds=1e6, now=NOW + 60)
    assert desk.row(ADA).seconds == 60.0


def test_a_repeated_answer_counts_once(desk: Desk) -> None:
    desk.take()
    assert [desk.submit(0, content) for content in (FIELDS, FIELDS, OTHER)] == [
        Verdict.ACCEPTED,
        Verdict.REPEATED,
        Verdict.REPEATED,
    ]
    assert len(desk.files()) == 1
    assert desk.row(ADA).answers == 1


def test_without_a_lease_nothing_is_written(desk: Desk) -> None:
    desk.take(BEA)
    assert desk.submit(0, FIELDS) is Verdict.TOO_LATE
    assert desk.submit(2, FIELDS) is Verdict.TOO_LATE
    assert desk.skip(0) is Verdict.TOO_LATE
    assert desk.files() == []
    assert list(desk.bucket.keys("jobs/people-1/portal/skips", "")) == []


def test_a_lease_that_another_worker_took_writes_nothing(desk: Desk) -> None:
    desk.take()
    later = NOW + LEASE_SECONDS + 1
    assert desk.take(BEA, later) == [0]
    assert desk.submit(0, FIELDS, now=later) is Verdict.TOO_LATE
    assert desk.skip(0, now=later) is Verdict.TOO_LATE
    assert desk.files() == []
    assert desk.submit(0, FIELDS, BEA, later) is Verdict.ACCEPTED


def test_a_lease_that_ran_out_and_that_nobody_took_still_counts(desk: Desk) -> None:
    desk.take()
    assert desk.submit(0, FIELDS, now=NOW + 10 * LEASE_SECONDS) is Verdict.ACCEPTED


@pytest.mark.parametrize("change", [{"paused": True}, {"status": "Stopping"}, {"status": "Completed"}])
def test_a_closed_job_takes_nothing(desk: Desk, change: dict[str, Any]) -> None:
    desk.take(held=2)
    desk.submit(0, FIELDS)
    closed = Desk(desk.bucket, desk.table, msgspec.structs.replace(desk.job, **change))
    assert {closed.submit(1, FIELDS), closed.correct(0, OTHER), closed.skip(1)} == {Verdict.CLOSED}
    assert len(desk.files()) == 1


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "before the answer"])
@pytest.mark.parametrize("dies_at", [1, 2])
@pytest.mark.parametrize("again", [FIELDS, OTHER], ids=["the same answer", "another answer"])
def test_a_process_killed_at_any_call_leaves_exactly_one_answer_after_the_retry(
    desk: Desk, dies_at: int, after: bool, again: dict[str, Any]
) -> None:
    desk.take()
    mortal = MortalTable(desk.table.name, dies_at, after)
    dying = Answers(desk.bucket, TaskQueue(mortal, desk.job, _no_place), desk.job)
    with pytest.raises(KilledError):
        dying.submit(ADA, desk.row(ADA), 0, FIELDS, seconds=50.0, now=NOW + 60)
    was_counted = dies_at == 2 and after
    assert desk.submit(0, again, now=NOW + 90) is (Verdict.REPEATED if was_counted else Verdict.ACCEPTED)
    assert desk.submit(0, again, now=NOW + 91) is Verdict.REPEATED
    image = image_of(desk.table, desk.job, 0)
    assert list(image.done) == [ADA]
    assert desk.answers.content(image.done[ADA], ADA) == (FIELDS if was_counted else again)
    assert desk.row(ADA).answers == 1
    assert [row["line"] for row in desk.table.query(rows.complete_pk(desk.job.key))] == [0]
    assert len(desk.files()) == (1 if was_counted or again == FIELDS else 2)


def test_a_submission_makes_two_calls_of_the_table(desk: Desk) -> None:
    desk.take()
    row, before = desk.row(ADA), desk.table.calls
    desk.answers.submit(ADA, row, 0, FIELDS, seconds=1.0, now=NOW + 60)
    assert desk.table.calls - before == 2


def test_a_correction_replaces_the_answer_until_the_image_has_its_label(desk: Desk) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    assert desk.correct(0, OTHER) is Verdict.ACCEPTED
    done = image_of(desk.table, desk.job, 0).done[ADA]
    assert desk.answers.content(done, ADA) == OTHER
    assert output_layout.version_of(done.key) == 1
    assert len(desk.files()) == 2  # the first one stays
    answer = json.loads(desk.bucket.read(done.key))["answers"][0]
    assert answer["timeSpentInSeconds"] == 120.0
    key = rows.image_key(desk.job.key, 0)
    labelled = msgspec.structs.replace(image_of(desk.table, desk.job, 0), label="response.json")
    desk.table.write(_put(key, labelled))
    assert desk.correct(0, FIELDS) is Verdict.TOO_LATE
    assert len(desk.files()) == 2


def _put(key: rows.Key, row: Any) -> Any:
    return Action(*key, put=msgspec.to_builtins(row))


def test_a_repeated_correction_makes_no_version(desk: Desk) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    assert [desk.correct(0, content) for content in (FIELDS, OTHER, OTHER)] == 3 * [Verdict.ACCEPTED]
    assert len(desk.files()) == 2


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_correction_that_was_interrupted_can_be_repeated(desk: Desk, dies_at: int, after: bool) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    mortal = MortalTable(desk.table.name, dies_at, after)
    dying = Answers(desk.bucket, TaskQueue(mortal, desk.job, _no_place), desk.job)
    with pytest.raises(KilledError):
        dying.correct(ADA, 0, OTHER, NOW + 120)
    assert desk.correct(0, OTHER, now=NOW + 130) is Verdict.ACCEPTED
    done = image_of(desk.table, desk.job, 0).done
    assert desk.answers.content(done[ADA], ADA) == OTHER
    assert len(desk.files()) == 2


def test_a_correction_of_an_answer_that_changed_meanwhile_replaces_it_only_on_request(desk: Desk) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    since = image_of(desk.table, desk.job, 0).done[ADA].time
    third = {"updated_annotations": "3"}
    tries = [(OTHER, since), (OTHER, since), (third, since), (third, None)]
    verdicts = [desk.answers.correct(ADA, 0, content, NOW + 120, time) for content, time in tries]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.CHANGED, Verdict.ACCEPTED]
    assert desk.answers.content(image_of(desk.table, desk.job, 0).done[ADA], ADA) == third


def test_a_correction_does_not_replace_one_that_overtook_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    since = image_of(desk.table, desk.job, 0).done[ADA].time
    store_answer = desk.answers._store_answer

    def overtaken(*given: Any, **named: Any) -> Any:
        done = store_answer(*given, **named)
        monkeypatch.setattr(desk.answers, "_store_answer", store_answer)
        assert desk.answers.correct(ADA, 0, FIELDS | {"comment": "other window"}, NOW + 121, since) is Verdict.ACCEPTED
        return done

    monkeypatch.setattr(desk.answers, "_store_answer", overtaken)
    assert desk.answers.correct(ADA, 0, OTHER, NOW + 122, since) is Verdict.CHANGED


def test_workers_can_correct_only_their_own_answers(desk: Desk) -> None:
    desk.take()
    desk.submit(0, FIELDS)
    assert desk.correct(0, OTHER, BEA) is Verdict.TOO_LATE
    assert desk.correct(2, OTHER) is Verdict.TOO_LATE
    assert len(desk.files()) == 1


def test_the_number_of_corrections_is_limited(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_VERSIONS", 3)
    desk.take()
    desk.submit(0, FIELDS)
    verdicts = [desk.correct(0, {"updated_annotations": str(n)}) for n in range(4)]
    assert verdicts == [Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.TOO_LATE, Verdict.TOO_LATE]


def test_a_skip_is_in_the_bucket_with_its_reason(desk: Desk) -> None:
    desk.take()
    assert [desk.skip(0), desk.skip(0)] == [Verdict.ACCEPTED, Verdict.REPEATED]
    said = json.loads(desk.bucket.read(f"jobs/people-1/portal/skips/0/{ADA}.json"))
    assert said == {"line": 0, "worker": ADA, "reason": "other", "note": "dark", "time": NOW + 60}
    assert desk.row(ADA).skips == 1
    assert 0 not in desk.take(now=NOW + 1e5, held=4)


def test_gold_cannot_be_skipped(desk: Desk) -> None:
    assert desk.take(held=4)[3] == 3
    assert desk.skip(3) is Verdict.REFUSED
    assert desk.row(ADA).skips == 0
    assert list(desk.bucket.keys("jobs/people-1/portal/skips", "")) == []


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("dies_at", [1, 2])
def test_a_skip_that_was_interrupted_can_be_repeated(desk: Desk, dies_at: int, after: bool) -> None:
    desk.take()
    mortal = MortalTable(desk.table.name, dies_at, after)
    dying = Answers(desk.bucket, TaskQueue(mortal, desk.job, _no_place), desk.job)
    with pytest.raises(KilledError):
        dying.skip(ADA, desk.row(ADA), 0, reason="other", note="", now=NOW + 60)
    assert desk.skip(0, now=NOW + 70) in (Verdict.ACCEPTED, Verdict.REPEATED)
    assert desk.row(ADA).skips == 1
    assert len(desk.table.query(rows.skips_pk(desk.job.key))) == 1


@pytest.mark.parametrize("text", [b"", b"{}", b'{"answers":[]}'])
def test_a_foreign_file_is_not_read_as_the_answer(desk: Desk, text: bytes) -> None:
    desk.take()
    desk.bucket.write(f"output/People-1/{output_layout.portal_answer(0, ADA, 0)}", text, "application/json")
    assert desk.submit(0, FIELDS) is Verdict.ACCEPTED
    done = image_of(desk.table, desk.job, 0).done[ADA]
    assert output_layout.version_of(done.key) == 1
    assert desk.answers.content(done, ADA) == FIELDS


def test_fields_with_half_a_surrogate_pair_come_back(desk: Desk) -> None:
    desk.take()
    content = {"updated_annotations": "\ud800", "n": 1.5}
    assert [desk.submit(0, content), desk.submit(0, content)] == [Verdict.ACCEPTED, Verdict.REPEATED]
    assert desk.answers.content(image_of(desk.table, desk.job, 0).done[ADA], ADA) == content
