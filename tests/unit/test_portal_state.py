"""Whatever happens to the process, the output is the same: random courses of a job against a bucket of files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_portal_documents import DESCRIPTION

from truepoint.portal.assignments import Verdict
from truepoint.portal.state import NO_LABEL, JobState, batch_request, derive_state
from truepoint.tasks import documents, output_layout
from truepoint.tasks.documents import WorkerAnswer
from truepoint.tasks.labeling_job import parse_labeling_job

OBJECTS = 4
WORKERS = ("w1", "w2")
JOB = parse_labeling_job(DESCRIPTION)
MANIFEST = b"".join(b'{"source-ref":"s3://b/%d.jpg","n":%d.50}\n' % (n, n) for n in range(OBJECTS))


class Course:
    """One course of a job: the files in the bucket, and a process that may die at any moment."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.state: JobState
        self.start()

    def start(self) -> None:
        def below(prefix: str) -> list[tuple[str, bytes]]:
            return [(key, self.files[key]) for key in sorted(self.files) if key.startswith(prefix)]

        responses = below(output_layout.CONSOLIDATION_RESPONSES)
        self.state = derive_state(JOB, MANIFEST, below(output_layout.WORKER_RESPONSES), responses)

    def write(self, key: str, document: Any) -> str:
        assert key not in self.files
        self.files[key] = json.dumps(document).encode()
        return key

    def answer(self, worker: str, object_id: str, *, dies: bool = False) -> Verdict:
        self.now += timedelta(seconds=1)
        verdict = self.state.assignments.check(object_id, worker, self.now)
        if verdict is not Verdict.ACCEPT:
            return verdict
        answer = WorkerAnswer(worker, {"said": f"{worker} of {object_id}"}, self.now, self.now)
        key = self.write(output_layout.worker_response(object_id, self.now), documents.worker_response(answer))
        if dies:
            self.start()
        else:
            self.state.record_answer(object_id, worker, key, len(self.files[key]))
        return verdict

    def consolidate(self, *, dies: str = "", partial: bool = False) -> None:
        self.now += timedelta(seconds=1)
        ids = self.state.to_consolidate(partial=partial)
        if not ids:
            return
        request = batch_request(self.state, ids, self.files)
        self.write(output_layout.consolidation_request(self.now), request)
        if dies == "before the response":
            self.start()
            return
        response = [
            {
                "datasetObjectId": entry["datasetObjectId"],
                "consolidatedAnnotation": {"content": {"keypoints": {"all": entry["annotations"]}}},
            }
            for entry in request
        ]
        key = self.write(output_layout.consolidation_response(self.now), response)
        if dies == "after the response":
            self.start()
        else:
            assert self.state.record_labels((key, self.files[key]), ids) == set(ids)

    def output(self, *, expired: bool = True) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.state.output(expired=expired)[0].splitlines()]
        for line in lines:
            line.get("keypoints-metadata", {}).pop("creation-date", None)
        return lines

    def finish(self) -> list[dict[str, Any]]:
        for worker in WORKERS:
            while lease := self.state.assignments.next_task(worker, self.now + 2 * JOB.time_limit):
                self.now += 3 * JOB.time_limit
                assert self.answer(worker, lease.object_id) is Verdict.ACCEPT
        assert self.state.assignments.is_finished()
        self.consolidate()
        return self.output()


EXPECTED = Course().finish()
STEPS = st.one_of(
    st.tuples(
        st.just("answer"), st.sampled_from(WORKERS), st.sampled_from([str(n) for n in range(OBJECTS)]), st.booleans()
    ),
    st.tuples(st.just("consolidate"), st.sampled_from(["", "before the response", "after the response"])),
    st.tuples(st.just("restart")),
)


@given(steps=st.lists(STEPS, max_size=40))
def test_any_order_of_answers_repetitions_and_crashes_gives_the_same_output(steps: list[tuple[Any, ...]]) -> None:
    course = Course()
    for step in steps:
        if step[0] == "answer":
            course.answer(step[1], step[2], dies=step[3])
        elif step[0] == "consolidate":
            course.consolidate(dies=step[1])
        else:
            course.start()
    assert course.finish() == EXPECTED
    course.start()
    assert course.output() == EXPECTED
    assert len([key for key in course.files if key.startswith(output_layout.WORKER_RESPONSES)]) == OBJECTS * len(
        WORKERS
    )


def test_every_object_has_its_workers_answers_in_the_expected_output() -> None:
    for number, line in enumerate(EXPECTED):
        said = [json.loads(each["annotationData"]["content"])["said"] for each in line["keypoints"]["all"]]
        assert said == [f"{worker} of {number}" for worker in WORKERS]
        assert line["n"] == number + 0.5


def test_a_stopped_job_consolidates_what_there_is_and_leaves_the_rest() -> None:
    course = Course()
    course.answer("w1", "2")
    assert course.state.to_consolidate() == []
    course.consolidate(partial=True)
    lines, counters = course.state.output(expired=False)
    inputs = MANIFEST.splitlines()
    assert [line == given for line, given in zip(lines.splitlines(), inputs, strict=True)] == [True, True, False, True]
    assert (counters["TotalLabeled"], counters["FailedNonRetryableError"], counters["Unlabeled"]) == (1, 0, 3)


def test_failed_skipped_and_expired_objects() -> None:
    course = Course()
    course.state.skip("0")
    course.state.skip("1", "ClientError: pre")
    course.answer("w1", "2")
    course.answer("w2", "2")
    course.state.fail(["2"], NO_LABEL)
    assert course.state.to_consolidate(partial=True) == []
    lines = course.output()
    reasons = [line.get("keypoints-metadata", {}).get("failure-reason") for line in lines]
    assert reasons == [None, "ClientError: pre", NO_LABEL, documents.EXPIRED]
    assert course.state.output(expired=True)[1]["FailedNonRetryableError"] == 3
    assert course.state.progress().full == 3


@pytest.mark.parametrize("again", [True, False])
def test_an_object_with_this_jobs_label_from_before_is_left_alone(*, again: bool) -> None:
    attribute = b"keypoints" if again else b"others"
    manifest = b'{"source-ref":"s3://b/a","%b":{"old":1}}\n' % attribute
    state = derive_state(JOB, manifest, [], [])
    assert state.assignments.is_finished() is again
    assert state.progress().full == int(again)
    assert state.assignments.check("0", "w1", JOB.deadline) is (Verdict.CLOSED if again else Verdict.ACCEPT)
