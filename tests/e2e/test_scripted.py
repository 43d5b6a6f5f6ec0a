"""Manifest in, scripted answers, results out: number by number, with IAM enforced."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from loop import SECRET, Loop, face

from truepoint.demo.deployed_portal import forget_jobs
from truepoint.demo.scripted_workers import reload_job, store_answers, worker_id
from truepoint.emulator.local_stack import function_log
from truepoint.tasks.ticking import NO_CONSOLIDATION

COUNTS = ("lines", "written", "rejected", "failed", "unlabeled")


def counts(loop: Loop, name: str) -> tuple[int, ...]:
    results = loop.results(name)
    return tuple(results[count] for count in COUNTS)


def test_answers_become_results_to_the_last_digit(loop: Loop) -> None:
    answers = {f"{n}.png": [face(100 + n, 200), face(300.5, 50 + n, id="n2")] for n in range(3)}
    loop.run(loop.job("exact"), {"ada": answers})

    lines = loop.output("exact")
    assert [line["source-ref"].rsplit("/", 1)[1] for line in lines] == ["0.png", "1.png", "2.png"]
    for line in lines:
        name = line["source-ref"].rsplit("/", 1)[1]
        assert line["keypoints"]["updated_annotations"] == answers[name]
        metadata = line["keypoints-metadata"]
        assert (metadata["type"], metadata["job-name"], metadata["human-annotated"]) == (
            "groundtruth/custom",
            "exact",
            "yes",
        )
        assert len(metadata["creation-date"]) == len("2021-11-01T17:42:26.177000")
    assert counts(loop, "exact") == (3, 3, 0, 0, 0)

    coco = json.loads(loop.read("results/exact/coco.json"))
    first = coco["annotations"][0]
    assert first["keypoints"] == [100.123456789, 200 + 1 / 3, 2, 104.5, 195.75, 1, 95.5, 195.75, 2]
    assert len(coco["annotations"]) == 6
    document = json.loads(loop.read("jobs/exact/labeling_job.json"))
    assert document["LabelingJobStatus"] == "Completed"
    assert document["LabelCounters"]["TotalLabeled"] == 3
    assert document["LabelingJobOutput"]["OutputDatasetS3Uri"].endswith("output/exact/manifests/output/output.manifest")


def test_worker_responses_have_ground_truths_keys_and_content(loop: Loop) -> None:
    loop.run(loop.job("files", images=1), {"ada": {"0.png": [face(9, 9)]}})
    (key,) = loop.keys("output/files/annotations/worker-response/iteration-1/0/")
    assert key.endswith(f"/{worker_id('ada', SECRET)}_0.json")
    (answer,) = json.loads(loop.read(key))["answers"]
    assert answer["workerId"] == worker_id("ada", SECRET)
    assert json.loads(answer["answerContent"]["updated_annotations"]) == [face(9, 9)]
    assert answer["submissionTime"].endswith("Z")
    assert answer["timeSpentInSeconds"] >= 0
    assert b"ada" not in loop.read(key)


def test_several_workers_make_one_label_an_image(loop: Loop) -> None:
    loop.run(
        loop.job("several", images=2, workers=2),
        {
            "ada": {"0.png": [face(100, 100)], "1.png": [face(50, 50)]},
            "bob": {"0.png": [face(102, 104)], "1.png": [face(50, 50)]},
            "cyd": {"0.png": [face(400, 400)], "1.png": [face(400, 400)]},
        },
    )
    assert counts(loop, "several") == (2, 2, 0, 0, 0)
    assert len(loop.keys("output/several/annotations/worker-response/")) == 4
    for line in loop.output("several"):
        (request,) = [
            entry
            for key in loop.keys("output/several/annotations/consolidated-annotation/consolidation-request/")
            for entry in json.loads(loop.read(key))
            if entry["dataObject"]["s3Uri"] == line["source-ref"]
        ]
        assert len({annotation["workerId"] for annotation in request["annotations"]}) == 2
        assert line["keypoints"]["updated_annotations"]


def test_failed_and_skipped_lines_and_the_job_still_completes(loop: Loop) -> None:
    loop.job("expired", images=2)
    manifest = loop.read("jobs/expired/input.manifest") + b'{"source": "no image at all", "kept": [1.50]}\n'
    loop.s3.put_object(Bucket=loop.stack.bucket, Key="jobs/expired/input.manifest", Body=manifest)
    assert not loop.answer(loop.open("expired"), {"ada": {"0.png": [face(10, 10)]}})
    loop.ticks.once()
    assert loop.open("expired").described.status == "InProgress"

    long_ago = datetime.now(UTC) - timedelta(days=31)  # the availability lifetime is 30 days
    loop.change_description("expired", {"CreationTime": long_ago.isoformat()})
    loop.run(loop.open("expired"), {"ada": {}})

    labelled, failed, skipped = loop.output("expired")
    assert labelled["keypoints"]["updated_annotations"] == [face(10, 10)]
    assert "keypoints" not in failed
    assert failed["keypoints-metadata"]["failure-reason"].startswith("ClientError: Annotation tasks expired")
    assert failed["keypoints-metadata"]["human-annotated"] == "true"
    assert skipped == {"source": "no image at all", "kept": [1.5]}
    assert counts(loop, "expired") == (3, 1, 0, 1, 1)
    document = json.loads(loop.read("jobs/expired/labeling_job.json"))
    assert document["LabelingJobStatus"] == "Completed"
    assert document["LabelCounters"]["FailedNonRetryableError"] == 1


def test_a_stopped_job_keeps_its_answers(loop: Loop) -> None:
    job = loop.job("stopped", workers=2)
    loop.run(job, {"ada": {"1.png": [face(10, 10)]}})
    input_lines = loop.read("jobs/stopped/input.manifest").splitlines()
    output = loop.read("output/stopped/manifests/output/output.manifest").splitlines()
    assert [output[0], output[2]] == [input_lines[0], input_lines[2]]
    assert json.loads(output[1])["keypoints"]["updated_annotations"]
    assert counts(loop, "stopped") == (3, 1, 0, 0, 2)
    assert job.described.status == "Stopped"


def test_answers_that_are_stored_twice_count_once(loop: Loop) -> None:
    job = loop.job("again", images=4, workers=2)
    answers = {worker: {f"{n}.png": [face(10 + n, 10)] for n in range(3)} for worker in ("ada", "bob", "cyd")}
    assert store_answers(job, answers, SECRET) == (6, False)
    first = {key: loop.read(key) for key in loop.keys("output/again/")}
    workers = [worker for found in job.answered().values() for worker in found]
    assert {worker: workers.count(worker) for worker in workers} == {worker_id(n, SECRET): 2 for n in answers}
    assert store_answers(job, answers, SECRET) == (0, False)
    assert {key: loop.read(key) for key in loop.keys("output/again/")} == first
    loop.run(job, answers)
    assert counts(loop, "again") == (4, 3, 0, 0, 1)


def test_a_function_that_fails_loses_no_answer(loop: Loop) -> None:
    job = loop.job("broken", images=2)
    task = json.loads(loop.read("jobs/broken/labeling_job.json"))["HumanTaskConfig"]
    wrong = {"AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": task["PreHumanTaskLambdaArn"]}}
    loop.change_description("broken", {"HumanTaskConfig": task | wrong})
    answers = {"ada": {"0.png": [face(1, 1)], "1.png": [face(2, 2)]}}
    assert store_answers(job, answers, SECRET) == (2, True)
    forget_jobs(loop.emulator, loop.stack.portal_table, ["broken"])
    moved = loop.ticks.once()["broken"]
    assert (moved["problem"], moved["failed"], moved["ended"]) == (NO_CONSOLIDATION, 0, False)
    assert job.described.status == "InProgress"

    loop.change_description("broken", {"HumanTaskConfig": task})
    loop.run(loop.open("broken"), {"ada": {}})
    assert job.described.status == "Completed"
    assert [line["keypoints"]["updated_annotations"] for line in loop.output("broken")] == [[face(1, 1)], [face(2, 2)]]


@pytest.mark.parametrize("consolidated", [False, True])
def test_a_killed_emulator_loses_nothing(loop: Loop, *, consolidated: bool) -> None:
    """Its table is afterwards as it was when the emulator was started; its bucket has every answer."""
    name = f"killed-{consolidated}".lower()
    first = {"0.png": [face(1, 1)], "1.png": [face(2, 2)]}
    job = loop.job(name)
    assert store_answers(job, {"ada": first}, SECRET) == (2, False)
    if consolidated:
        reload_job(loop.emulator, job, loop.stack.portal_table, loop.ticks)
        assert len(job.labels()) == 2
    loop.emulator.kill()
    loop.emulator.start()

    job = loop.open(name)
    assert job.progress().started == 2
    loop.run(job, {"ada": {**first, "2.png": [face(3, 3)]}})
    expected = [[face(1, 1)], [face(2, 2)], [face(3, 3)]]
    assert [line["keypoints"]["updated_annotations"] for line in loop.output(name)] == expected
    assert len(loop.keys(f"output/{name}/annotations/worker-response/")) == 3


def test_a_functions_log_can_be_read(loop: Loop) -> None:
    broken = loop.client("lambda")
    assert broken.invoke(FunctionName=loop.stack.job_completion_arn, Payload=b"{}")["FunctionError"]
    assert "Traceback" in function_log(loop.emulator, loop.stack.job_completion_arn, lines=200)


def test_an_interrupted_end_of_a_job_is_completed(loop: Loop) -> None:
    job = loop.job("cut", images=2)
    assert store_answers(job, {"ada": {"0.png": [face(1, 1)]}}, SECRET) == (1, False)
    loop.change_description("cut", {"LabelingJobStatus": "Stopping"})
    loop.end(job)
    assert job.described.status == "Stopped"
    assert counts(loop, "cut") == (2, 1, 0, 0, 1)
