"""The three handlers with every file of events/, against S3."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from test_runs import let_pass

import job_completion
import post_annotation
import pre_annotation
import results_step
from sample_events import BUCKET, event, names
from truepoint.adapters.bucket import Bucket
from truepoint.groundtruth.batch import BatchError
from truepoint.groundtruth.job import JobError, read_description, read_ended
from truepoint.results.result_set import Results
from truepoint.runs.completion import complete
from truepoint.runs.plan import StepError
from truepoint.runs.steps import ManifestMissingError
from truepoint.runs.write_lock import SECONDS_BETWEEN_RUNS

# ------------------------------------------------------------------------------------------- pre_annotation

PRE_ANNOTATION = {
    "image.json": (True, 0, ""),
    "pre_labels.json": (True, 1, ""),
    "pre_labels_as_text.json": (True, 1, ""),
    "chained_job.json": (True, 0, ""),
    "pre_labels_unusable.json": (
        True,
        0,
        "the pre-labels cannot be used: expected a list of instances, got something else: Expected `float`",
    ),
    "no_image.json": (False, 0, "expected a source-ref"),
    "image_not_in_s3.json": (
        False,
        0,
        "expected an S3 URI like s3://bucket/key, got 'https://example.com/bus-stop.jpg'",
    ),
}


@pytest.mark.parametrize("name", names("pre_annotation"))
def test_pre_annotation(name: str, context: Any, capsys: pytest.CaptureFixture[str]) -> None:
    sent, pre_labels, error = PRE_ANNOTATION[name]
    response = pre_annotation.handler(event(f"pre_annotation/{name}"), context)
    assert response["isHumanAnnotationRequired"] is sent
    task = response["taskInput"]
    assert len(json.loads(task["initial_values"])) == pre_labels
    assert error in task["error"]
    assert bool(error) == bool(task["error"]) == bool(capsys.readouterr().out)
    json.dumps(response)


@pytest.mark.parametrize("hostile", [None, [], "text", 7, {}, {"dataObject": None}, {"dataObject": [1]}])
def test_pre_annotation_never_raises(hostile: Any, context: Any) -> None:
    response = pre_annotation.handler(hostile, context)
    assert response["isHumanAnnotationRequired"] is False
    assert response["taskInput"]["error"]


# ------------------------------------------------------------------------------------------ post_annotation


def labels(name: str, context: Any) -> dict[str, Any]:
    response = post_annotation.handler(event(f"post_annotation/{name}"), context)
    json.dumps(response, allow_nan=False)
    return {r["datasetObjectId"]: r["consolidatedAnnotation"]["content"]["keypoints"] for r in response}


def test_every_event_is_tested() -> None:
    text = Path(__file__).read_text()
    assert [
        name
        for name in names("post_annotation") + names("job_completion") + names("results_step")
        if f'{name}"' not in text
    ] == []


def test_one_workers_answer_passes_unchanged(s3: Any, context: Any) -> None:
    label = labels("one_worker.json", context)["0"]
    assert label["dataset_object_id"] == "0"
    assert label["data_object_s3_uri"] == label["image_s3_location"] == f"s3://{BUCKET}/jobs/people/images/bus-stop.jpg"
    assert label["image_file_name"] == "bus-stop.jpg"
    assert label["original_annotations"] == []
    assert label["updated_annotations"][0]["annotations"][0] == {
        "label": "nose",
        "x": 212.5,
        "y": 96.25,
        "visibility": 2,
    }
    assert label["worker_id"] == "private.us-east-1.0a1b2c3d"
    assert label["no_changes_needed"] is False
    assert label["was_modified"] is True
    assert label["total_time_in_seconds"] == 12
    assert (label["image_width"], label["image_height"]) == (640, 480)
    assert label["valid"] is True


def test_three_workers_are_consolidated(s3: Any, context: Any) -> None:
    label = labels("three_workers.json", context)["0"]
    assert label["worker_id"] is None
    assert label["total_time_in_seconds"] == 36
    assert len(label["workers"]) == 3
    assert [w["annotations"][0]["annotations"][0]["x"] for w in label["workers"]] == [212.5, 213.5, 211.5]
    [instance] = label["updated_annotations"]
    assert instance["worker_count"] == 3
    assert 0.9 < instance["score"] <= 1
    nose, eye = instance["annotations"][:2]
    assert nose["label"] == "nose"
    assert abs(nose["x"] - 212.5) < 1
    assert abs(nose["y"] - 96.25) < 1
    assert eye.get("visibility", 2) == 2  # two of three saw it


def test_answers_of_the_original_component(s3: Any, context: Any) -> None:
    found = labels("original_component.json", context)
    assert [found[i]["valid"] for i in "012"] == [True, True, True]
    assert [found[i]["was_modified"] for i in "012"] == [True, False, False]
    assert [found[i]["no_changes_needed"] for i in "012"] == [False, True, False]
    assert [len(found[i]["updated_annotations"]) for i in "012"] == [1, 1, 0]
    assert [found[i]["original_annotations"] for i in "02"] == [[], []]
    assert "Signature" not in json.dumps(found)


def test_an_answer_by_reference_is_fetched_and_a_lost_one_is_an_invalid_annotation(s3: Any, context: Any) -> None:
    found = labels("answers_by_reference.json", context)
    assert found["0"]["valid"] is True
    assert len(found["0"]["updated_annotations"][0]["annotations"]) == 7
    assert found["1"]["valid"] is False
    assert "is missing or may not be read" in found["1"]["reason"]


def test_an_unusable_answer_is_an_invalid_annotation_with_its_reason(s3: Any, context: Any) -> None:
    found = labels("unusable_answers.json", context)
    reasons = {i: label["reason"] for i, label in found.items()}
    assert "the answer: expected JSON, got something else" in reasons["0"]
    assert "expected the field updated_annotations, got no field at all" in reasons["1"]
    assert reasons["2"] == "no worker answered"
    assert "updated_annotations" in reasons["3"]
    assert "the worker could not label the image: the image did not load" in reasons["4"]
    assert reasons["5"] is None
    assert [w["usable"] for w in found["5"]["workers"]] == [False, True]
    assert found["5"]["worker_id"] == "private.us-east-1.4e5f6a7b"


def test_a_payload_that_is_not_ground_truths_fails_the_batch(s3: Any, context: Any) -> None:
    sample = event("post_annotation/one_worker.json")
    s3.put_object(Bucket=BUCKET, Key=sample["payload"]["s3Uri"].split("/", 3)[3], Body=b'{"datasetObjectId": "0"}')
    with pytest.raises(BatchError, match="expected a consolidation request"):
        post_annotation.handler(sample, context)


def test_an_annotation_too_large_for_the_response_goes_by_reference(s3: Any, context: Any) -> None:
    sample = event("post_annotation/one_worker.json")
    key = sample["payload"]["s3Uri"].split("/", 3)[3]
    [entry] = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    answer = json.loads(entry["annotations"][0]["annotationData"]["content"])
    [instance] = json.loads(answer["updated_annotations"])
    answer["updated_annotations"] = json.dumps([instance | {"note": "x" * 7_000_000}])
    large = entry | {"datasetObjectId": "1"}
    large["annotations"] = [{"workerId": "w", "annotationData": {"content": json.dumps(answer)}}]
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps([entry, large]))
    response = post_annotation.handler(sample, context)
    assert len(json.dumps(response)) < 6_000_000
    small, moved = (r["consolidatedAnnotation"]["content"]["keypoints"] for r in response)
    assert small["valid"] is True
    stored = s3.get_object(Bucket=BUCKET, Key=moved["annotation_s3_uri"].split("/", 3)[3])["Body"].read()
    assert json.loads(stored)["updated_annotations"][0]["note"] == "x" * 7_000_000


# ------------------------------------------------------------------------------------------- job_completion


def result(s3: Any, name: str, job: str = "people") -> Any:
    return json.loads(s3.get_object(Bucket=BUCKET, Key=f"results/{job}/{name}")["Body"].read())


def keys(s3: Any, prefix: str = "results/") -> list[str]:
    return [o["Key"] for o in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def test_a_completed_jobs_results(s3: Any, context: Any) -> None:
    detail = job_completion.handler(event("job_completion/completed.json"), context)
    found = result(s3, "results.json")
    assert {k: v for k, v in detail.items() if k != "results_s3_uri"} == found
    assert detail["results_s3_uri"] == f"s3://{BUCKET}/results/people/results.json"
    schemas = Path(__file__).parents[2] / "docs/schemas"
    jsonschema.validate(detail, json.loads((schemas / "results-ready.schema.json").read_text()))
    assert detail.keys() == event("results_ready/people.json")["detail"].keys()
    counts = {k: found[k] for k in ("lines", "written", "rejected", "failed", "unlabeled")}
    assert counts == {"lines": 7, "written": 3, "rejected": 2, "failed": 1, "unlabeled": 1}
    assert keys(s3) == [
        "results/people/annotations/0000000-bus-stop.json",
        "results/people/annotations/0000001-crossing.json",
        "results/people/annotations/0000002-empty-road.json",
        "results/people/coco.json",
        "results/people/coco_workers.json",
        "results/people/comments.jsonl",
        "results/people/quality.json",
        "results/people/rejected.jsonl",
        "results/people/report.html",
        "results/people/results.json",
        "results/people/review.manifest",
        "results/people/skeleton.json",
        "results/people/suspicious.jsonl",
        "results/people/table/annotations.jsonl",
        "results/people/workers.json",
    ]
    body = s3.get_object(Bucket=BUCKET, Key="results/people/rejected.jsonl")["Body"].read().decode()
    rejected = {r["line"]: (r["status"], r["reason"]) for r in map(json.loads, body.splitlines())}
    assert rejected[3][0] == "rejected"
    assert "the image did not load" in rejected[3][1]
    assert rejected[4][0] == "failed"
    assert rejected[4][1].startswith("ClientError: Annotation tasks expired")
    assert rejected[5] == ("unlabeled", "no worker labelled it before the job ended")
    assert rejected[6][0] == "rejected"
    assert rejected[6][1].startswith("the line is not JSON")


def test_the_numbers_of_quality_json(s3: Any, context: Any) -> None:
    job_completion.handler(event("job_completion/completed.json"), context)
    quality = result(s3, "quality.json")
    by_name = {k["name"]: k for k in quality["keypoints"]}
    assert len(by_name) == 17
    assert by_name["nose"] | {"name": ""} == {
        "name": "", "labeled": 3, "visible": 3, "occluded": 0, "completeness": 1.0, "visible_share": 1.0,
    }  # fmt: skip
    assert by_name["left_eye"]["occluded"] == 1
    assert by_name["left_hip"]["completeness"] == pytest.approx(2 / 3)
    assert by_name["left_knee"]["visible_share"] is None
    assert quality["instances"] == 3
    assert quality["images_without_instances"] == 1
    time = quality["time_in_seconds"]
    assert (time["images"], time["total"], time["mean"], time["median"]) == (3, 45.5, pytest.approx(45.5 / 3), 12)
    assert quality["modified_share"] == pytest.approx(2 / 3)
    assert [(w["worker_id"][-8:], w["answers"]) for w in quality["workers"]] == [("0a1b2c3d", 2), ("4e5f6a7b", 1)]


def test_suspicious_images_are_the_input_of_a_review(s3: Any, context: Any) -> None:
    manifest = "output/people/manifests/output/output.manifest"
    lines = s3.get_object(Bucket=BUCKET, Key=manifest)["Body"].read().splitlines()
    first = json.loads(lines[0])
    nose = first["keypoints"]["updated_annotations"][0]["annotations"][0]
    nose["x"] = -40.0
    lines[0] = json.dumps(first).encode()
    s3.put_object(Bucket=BUCKET, Key=manifest, Body=b"\n".join(lines))
    job_completion.handler(event("job_completion/completed.json"), context)
    bodies = {
        name: [
            json.loads(text) for text in s3.get_object(Bucket=BUCKET, Key=f"results/people/{name}")["Body"].iter_lines()
        ]
        for name in ("suspicious.jsonl", "review.manifest")
    }
    top, line = bodies["suspicious.jsonl"][0], bodies["review.manifest"][0]
    assert (top["line"], top["instances"][0]["reasons"][0]["check"]) == (0, "out_of_image")
    assert [i["line"] for i in bodies["suspicious.jsonl"]] == [i["reviewed_line"] for i in bodies["review.manifest"]]
    task = pre_annotation.handler({"dataObject": line}, context)["taskInput"]
    assert json.loads(task["initial_values"])[0]["annotations"][0] == nose
    assert json.loads(task["annotation_issues"])[0] == {"reason": "Instance 1: Outside the image: nose"}
    assert task["error"] == ""


def test_the_coco_file_read_by_pycocotools(s3: Any, context: Any, tmp_path: Path) -> None:
    from pycocotools.coco import COCO

    job_completion.handler(event("job_completion/completed.json"), context)
    file = tmp_path / "coco.json"
    file.write_bytes(s3.get_object(Bucket=BUCKET, Key="results/people/coco.json")["Body"].read())
    coco = COCO(str(file))
    assert [i["file_name"] for i in coco.loadImgs(coco.getImgIds())] == [
        "bus-stop.jpg",
        "crossing.jpg",
        "empty-road.jpg",
    ]
    annotations = coco.loadAnns(coco.getAnnIds())
    assert [a["id"] for a in annotations] == [1, 2, 3]
    assert annotations[0]["keypoints"][:6] == [212.5, 96.25, 2, 219, 90, 2]
    assert annotations[2]["num_keypoints"] == 5
    assert all(a["area"] > 0 and len(a["keypoints"]) == 51 for a in annotations)


def test_a_second_run_writes_the_same_bytes(s3: Any, context: Any) -> None:
    def bodies() -> dict[str, bytes]:
        return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(s3)}

    job_completion.handler(event("job_completion/completed.json"), context)
    once = bodies()
    s3.put_object(Bucket=BUCKET, Key="results/people/quality.json", Body=b"left alone: the set is complete")
    job_completion.handler(event("job_completion/completed.json"), context)
    assert bodies() == once | {"results/people/quality.json": b"left alone: the set is complete"}
    s3.delete_object(Bucket=BUCKET, Key="results/people/results.json")
    job_completion.handler(event("job_completion/completed.json"), context)
    assert bodies() == once


def test_a_stopped_job_has_results_too(s3: Any, context: Any) -> None:
    job_completion.handler(event("job_completion/stopped.json"), context)
    assert result(s3, "results.json", "people-stopped")["labeling_job_status"] == "Stopped"


def test_a_failed_job_without_manifest_has_empty_results(s3: Any, context: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("truepoint.runs.steps.WAITS", (0,))
    job_completion.handler(event("job_completion/failed_without_manifest.json"), context)
    found = result(s3, "results.json", "people-broken")
    assert (found["lines"], found["manifest"]) == (0, None)
    assert found["failure_reason"] == "ClientError: the input manifest has no lines"


def test_a_job_of_another_stack_is_left_alone(s3: Any, context: Any) -> None:
    answer = job_completion.handler(event("job_completion/job_of_another_stack.json"), context)
    assert "skipped" in answer
    assert keys(s3) == []


def job(name: str = "completed.json", **changed: Any) -> Any:
    read = read_description(read_ended(event(f"job_completion/{name}")).description or {})
    return msgspec.structs.replace(read, **changed)


def test_a_completed_jobs_manifest_is_waited_for(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    key = "output/people/manifests/output/output.manifest"
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(ManifestMissingError, match="expected the manifest of a completed job"):
        complete(job(), Bucket(BUCKET), sleep=lambda _: None)
    assert keys(s3) == []
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    assert complete(job(), Bucket(BUCKET), sleep).lines == 7
    assert waited == [1, 2, 4]


def test_a_changed_manifest_makes_new_results_and_no_reader_sees_a_mixture(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    class Watched(Bucket):
        def write(self, key: str, content: Any, content_type: str) -> None:
            marker = "results/people/results.json" in keys(s3)
            assert not marker, f"{key} was written while the old set still counted as complete"
            super().write(key, content, content_type)

    complete(job(), Bucket(BUCKET))
    key = "output/people/manifests/output/output.manifest"
    body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=key, Body=body + b'{"source-ref":"s3://truepoint-events/jobs/people/new.jpg"}\n')
    let_pass(SECONDS_BETWEEN_RUNS)
    assert complete(job(), Watched(BUCKET)).lines == 8


def test_a_marker_of_another_version_goes_before_the_first_file_is_replaced(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    class Watched(Bucket):
        def write(self, key: str, content: Any, content_type: str) -> None:
            assert "results/people/results.json" not in keys(s3)
            super().write(key, content, content_type)

    s3.put_object(Bucket=BUCKET, Key="results/people/results.json", Body=b'{"version": "0.9"}')
    assert complete(job(), Watched(BUCKET)).lines == 7


def test_a_failed_upload_leaves_no_marker(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    class Failing(Bucket):
        def write(self, key: str, content: Any, content_type: str) -> None:
            if key.endswith("crossing.json"):
                raise OSError("no space in the cloud")
            super().write(key, content, content_type)

    with pytest.raises(OSError, match="no space in the cloud"):
        complete(job(), Failing(BUCKET))
    assert "results/people/results.json" not in keys(s3)


def test_without_a_skeleton_file_the_keypoints_come_from_the_labels(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    s3.delete_object(Bucket=BUCKET, Key="jobs/people/skeleton.json")
    found = complete(job(), Bucket(BUCKET))
    assert found.skeleton.source == "derived"
    [category] = result(s3, "coco.json")["categories"]
    assert category["keypoints"][:3] == ["nose", "left_eye", "right_eye"]
    assert category["skeleton"] == []


def test_the_image_name_cannot_lead_out_of_the_results(s3: Any) -> None:
    from truepoint.adapters.bucket import Bucket

    manifest = "output/people/manifests/output/output.manifest"
    line = json.loads(s3.get_object(Bucket=BUCKET, Key=manifest)["Body"].read().split(b"\n")[0])
    hostile = [
        "s3://truepoint-events/../../ui/x.js",
        "s3://truepoint-events/a/%2e%2e\u0000\n.jpg",
        "s3://b-b/" + "é" * 400,
    ]
    body = "\n".join(json.dumps(line | {"source-ref": uri}) for uri in hostile)
    s3.put_object(Bucket=BUCKET, Key=manifest, Body=body.encode())
    assert complete(job(), Bucket(BUCKET)).written == 3
    assert {key.rsplit("/", 1)[0] for key in keys(s3, "")} >= {"results/people/annotations"}
    ours = ("jobs/", "output/", "results/people/", "tmp/results/people/")
    assert [key for key in keys(s3, "") if not key.startswith(ours)] == []


@pytest.mark.parametrize(
    "changed",
    [
        {"detail-type": "Scheduled Event"},
        {"resources": []},
        {"resources": ["arn:aws:s3:::truepoint-events"]},
        {"resources": ["arn:aws:sagemaker:us-east-1:123456789012:labeling-job/../../ui"]},
        {"resources": [f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/a{62 * '-'}a"]},
    ],
)
def test_another_event_is_refused(changed: dict[str, Any], s3: Any, context: Any) -> None:
    with pytest.raises(JobError, match="expected"):
        job_completion.handler(event("job_completion/completed.json") | changed, context)


@pytest.mark.parametrize("name", ["../ui", "", None, "-", "a-", "-a", "a" * 64, f"a{62 * '-'}a", "a\n"])
def test_a_description_with_a_hostile_name_is_refused(name: Any) -> None:
    sample = event("job_completion/completed.json")
    with pytest.raises(JobError, match="expected a labelling job's name"):
        read_description(sample["detail"]["LabelingJob"] | {"LabelingJobName": name})


@pytest.mark.parametrize("name", ["a", "A-1", "a" * 63, f"a{61 * '-'}a"])
def test_names_that_ground_truth_allows_are_read(name: str) -> None:
    sample = event("job_completion/completed.json")
    assert read_description(sample["detail"]["LabelingJob"] | {"LabelingJobName": name}).name == name
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name.lower()}"
    assert read_ended(sample | {"resources": [arn]}).name == name.lower()


# --------------------------------------------------------------------------------------------- results_step

STEPS = ("plan.json", "survey.json", "join.json", "label.json", "merge.json", "announce.json")


def test_the_steps_of_a_large_jobs_results(s3: Any, context: Any) -> None:
    job_completion.handler(event("job_completion/completed.json"), context)
    expected = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(s3)}
    answers = [results_step.handler(event(f"results_step/{name}"), context) for name in STEPS]
    assert answers[0]["run"] == event("results_step/merge.json")["run"]
    assert answers[0]["ranges"] == [0]
    assert answers[1:5] == [{"unfinished": False}, {}, {"unfinished": False}, {}]
    assert answers[5]["results_s3_uri"] == f"s3://{BUCKET}/results/people/results.json"
    assert {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(s3)} == expected


@pytest.mark.parametrize("hostile", [None, [], {"step": "merge", "run": "results/people/"}, {"step": "plan"}])
def test_an_invalid_step_is_refused(hostile: Any, s3: Any, context: Any) -> None:
    with pytest.raises(StepError, match=r"expected|not a step"):
        results_step.handler(hostile, context)
    assert keys(s3, "tmp/") == []


# ------------------------------------------------------------- facts about AWS that emulators do not show by themselves


def without_event(s3: Any, name: str) -> dict[str, Any]:
    """An event of a job outside Ground Truth, and its description where the portal writes it."""
    ended = event(f"job_completion/{name}")
    description = ended["detail"]["LabelingJob"]
    s3.put_object(
        Bucket=BUCKET,
        Key=f"jobs/{description['LabelingJobName']}/labeling_job.json",
        Body=json.dumps(description).encode(),
    )
    return ended


@pytest.mark.parametrize("stored", [True, False])
def test_a_description_of_another_job_replaces_no_results(
    stored: bool, s3: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_completion.handler(without_event(s3, "completed.json"), context)
    before = s3.get_object(Bucket=BUCKET, Key="results/people/results.json")["ETag"]
    people = event("job_completion/completed.json")["detail"]["LabelingJob"]
    if stored:
        s3.put_object(Bucket=BUCKET, Key="jobs/crowd/labeling_job.json", Body=json.dumps(people).encode())
    forged = event("job_completion/completed.json")
    forged["resources"] = [forged["resources"][0].replace("/people", "/crowd")]
    forged["detail"]["LabelingJob"]["LabelingJobStatus"] = "Stopped"
    monkeypatch.setenv("USES_GROUND_TRUTH", "no")
    with pytest.raises(JobError, match="expected the description of the job 'crowd', got that of 'people'"):
        job_completion.handler(forged, context)
    assert s3.get_object(Bucket=BUCKET, Key="results/people/results.json")["ETag"] == before
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="results/crowd/")


OUTPUT = "output/people/manifests/output/output.manifest"
FIRST, SECOND = (f"output/people/manifests/intermediate/{n}/output.manifest" for n in (1, 2))


@pytest.mark.parametrize(
    ("status", "written", "named", "used"),
    [
        ("Stopped", [FIRST], OUTPUT, FIRST),
        ("Failed", [FIRST], FIRST, FIRST),
        ("Stopped", [FIRST], None, FIRST),
        ("Stopped", [FIRST, OUTPUT], OUTPUT, OUTPUT),
        ("Failed", [OUTPUT, FIRST], OUTPUT, FIRST),
        ("Stopped", [FIRST, SECOND], FIRST, SECOND),
    ],
)
def test_a_job_that_did_not_complete_has_the_newest_of_its_manifests(
    status: str, written: list[str], named: str | None, used: str, s3: Any
) -> None:
    manifest = s3.get_object(Bucket=BUCKET, Key=OUTPUT)["Body"].read()
    s3.delete_object(Bucket=BUCKET, Key=OUTPUT)
    for key in written:
        s3.put_object(Bucket=BUCKET, Key=key, Body=manifest)
        time.sleep(1.01)  # S3's times are whole seconds
    description = event("job_completion/completed.json")["detail"]["LabelingJob"] | {"LabelingJobStatus": status}
    uri = named and f"s3://{BUCKET}/{named}"
    description["LabelingJobOutput"] = {"OutputDatasetS3Uri": uri} if uri else None
    results = complete(read_description(description), Bucket(BUCKET))
    assert isinstance(results, Results)
    assert results.manifest is not None
    assert results.manifest.s3_uri == f"s3://{BUCKET}/{used}"
    assert results.written == 3
    assert complete(read_description(description), Bucket(BUCKET)) == results


def test_a_completed_job_has_the_manifest_that_is_named(s3: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key=FIRST, Body=b"{}")
    results = complete(
        read_description(event("job_completion/completed.json")["detail"]["LabelingJob"]), Bucket(BUCKET)
    )
    assert isinstance(results, Results)
    assert results.manifest is not None
    assert results.manifest.s3_uri == f"s3://{BUCKET}/{OUTPUT}"


def test_an_invalid_key_beside_a_job_does_not_stop_it(s3: Any, context: Any) -> None:
    expected = labels("three_workers.json", context)
    for key in ("jobs/people//a.jpg", "jobs/people/../a.jpg", "output/people/manifests/output//a", "results/people//a"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    s3.put_object(Bucket=BUCKET, Key="results/people/annotations/0000099-a//b.json", Body=b"")
    assert labels("three_workers.json", context) == expected
    assert job_completion.handler(without_event(s3, "completed.json"), context)["written"] == 3
    assert s3.get_object(Bucket=BUCKET, Key="results/people/annotations/0000099-a//b.json")  # not a file of ours


def test_an_output_path_that_ends_in_two_slashes(s3: Any, context: Any) -> None:
    """S3OutputPath is the customer's: Ground Truth puts the payload below it as it is."""
    called = event("post_annotation/three_workers.json")
    key = called["payload"]["s3Uri"].split("/", 3)[3]
    odd = key.replace("output/", "output//")
    s3.copy_object(Bucket=BUCKET, Key=odd, CopySource={"Bucket": BUCKET, "Key": key})
    expected = post_annotation.handler(called, context)
    called["payload"]["s3Uri"] = f"s3://{BUCKET}/{odd}"
    assert post_annotation.handler(called, context) == expected


@pytest.mark.parametrize("folder", ["people", "People"])
def test_a_job_with_capitals_has_the_keys_of_its_lower_case_name(folder: str, s3: Any, context: Any) -> None:
    """Ground Truth lower-cases the name in ARNs and keeps it in S3 keys. Skeletons were read below either."""
    skeleton = s3.get_object(Bucket=BUCKET, Key="jobs/people/skeleton.json")["Body"].read()
    s3.delete_object(Bucket=BUCKET, Key="jobs/people/skeleton.json")
    s3.put_object(Bucket=BUCKET, Key=f"jobs/{folder}/skeleton.json", Body=skeleton)
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="output/people/")["Contents"]:
        source = {"Bucket": BUCKET, "Key": item["Key"]}
        s3.copy_object(Bucket=BUCKET, Key=item["Key"].replace("output/people/", "output/People/"), CopySource=source)
    called = event("post_annotation/three_workers.json")
    expected = post_annotation.handler(called, context)
    called["payload"]["s3Uri"] = called["payload"]["s3Uri"].replace("output/people/", "output/People/")
    assert post_annotation.handler(called, context) == expected
    description = event("job_completion/completed.json")["detail"]["LabelingJob"]
    text = json.dumps(description).replace("output/people/", "output/People/")
    results = complete(read_description(json.loads(text) | {"LabelingJobName": "People"}), Bucket(BUCKET))
    assert isinstance(results, Results)
    assert results.skeleton.source == "file"
    assert {k["Key"].split("/")[1] for k in s3.list_objects_v2(Bucket=BUCKET, Prefix="results/")["Contents"]} == {
        "people"
    }
    coco = json.loads(s3.get_object(Bucket=BUCKET, Key="results/people/coco.json")["Body"].read())
    assert all("/" not in image["file_name"] for image in coco["images"])
