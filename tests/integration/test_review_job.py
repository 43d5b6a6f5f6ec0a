"""A review from end to end on S3: the list of a job's results, the review job, its labels over the first job's."""

from __future__ import annotations

import json
import re
from typing import Any

import boto3
import pytest

import create_review_job
import job_completion
import merge_review
import sagemaker
from sample_events import BUCKET, event
from truepoint.groundtruth.manifest import read_lines
from truepoint.jobs.stack import OUTPUT_NAMES

FIRST = "output/people/manifests/output/output.manifest"
REVIEW = "output/people-review/manifests/output/output.manifest"
OUTSIDE = ("people", "--name", "people-review", "--outside-ground-truth")
REVIEW_SECONDS = 3.3
JOBS = ("people", "people-final")
TABLE = "table/annotations.jsonl"
MERGE = ("people", "people-review", "--name", "people-final")


@pytest.fixture
def job(s3: Any, context: Any) -> Any:
    """The sample job with a nose outside the first image, its results, and the stack."""
    outputs = {
        **dict.fromkeys(OUTPUT_NAMES.values(), "arn:aws:lambda:us-east-1:123456789012:function:f"),
        "BucketName": BUCKET,
        "UiScriptUrl": "https://d111.cloudfront.net/ui/ab/crowd-2d-skeleton.js",
        "UiScriptIntegrity": "sha384-abc",
        "LabelingJobExecutionRoleArn": "arn:aws:iam::123456789012:role/job",
    }
    cloudformation = boto3.client("cloudformation")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    cloudformation.create_stack(StackName="truepoint", TemplateBody=json.dumps(template))
    lines = [read(s3, FIRST).splitlines()[0], *read(s3, FIRST).splitlines()[1:]]
    first = json.loads(lines[0])
    first["keypoints"]["updated_annotations"][0]["annotations"][0]["x"] = -40.0
    put(s3, FIRST, "\n".join([json.dumps(first), *lines[1:]]))
    ended = event("job_completion/completed.json")
    put(s3, "jobs/people/labeling_job.json", json.dumps(described(ended["detail"]["LabelingJob"])))
    job_completion.handler(ended, context)
    yield s3
    cloudformation.delete_stack(StackName="truepoint")


def described(document: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """With the times that a job of the portal has."""
    return {"CreationTime": "2026-11-20T08:00:00.000+00:00", "LastModifiedTime": "2026-11-21T08:00:00.000+00:00"} | (
        document | changed
    )


def read(s3: Any, key: str) -> str:
    return str(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode())


def put(s3: Any, key: str, text: str) -> None:
    s3.put_object(Bucket=BUCKET, Key=key, Body=text.encode())


def everything(s3: Any) -> dict[str, str]:
    return {o["Key"]: o["ETag"] for o in s3.list_objects_v2(Bucket=BUCKET)["Contents"]}


def finish_review(s3: Any, nose: float = 200.0) -> None:
    """Play the portal: the top image is labelled again, the others are left."""
    given = [json.loads(line) for line in read(s3, "jobs/people-review/input.manifest").splitlines()]
    first = json.loads(read(s3, FIRST).splitlines()[0])
    top = given[0]
    assert top["reviewed_line"] == 0
    labels = [dict(instance) for instance in top["annotations"]]
    labels[0] = labels[0] | {"annotations": [labels[0]["annotations"][0] | {"x": nose}, *labels[0]["annotations"][1:]]}
    done = top | {
        "keypoints": first["keypoints"]
        | {
            "updated_annotations": labels,
            "original_annotations": top["annotations"],
            "dataset_object_id": "1",  # the second line of the review; line 1 of the first job has it too
            "total_time_in_seconds": REVIEW_SECONDS,
        },
        "keypoints-metadata": first["keypoints-metadata"] | {"job-name": "people-review"},
    }
    put(s3, REVIEW, "".join(json.dumps(line) + "\n" for line in [done, *given[1:]]))
    key = "jobs/people-review/labeling_job.json"
    put(s3, key, json.dumps(json.loads(read(s3, key)) | {"LabelingJobStatus": "Completed"}))


def test_a_review_job_and_its_labels_over_the_first(job: Any, context: Any, capsys: Any) -> None:
    assert create_review_job.main([*OUTSIDE, "--top", "1"]) == 0
    assert "created: 1 images to review" in capsys.readouterr().out
    task = json.loads(read(job, "jobs/people-review/input.manifest"))
    assert task["source-ref"].endswith("jobs/people/images/bus-stop.jpg")
    assert task["annotation_issues"][0] == {"reason": "Instance 1: Outside the image: nose"}
    assert json.loads(read(job, "jobs/people-review/labeling_job.json"))["LabelCounters"]["Unlabeled"] == 1
    assert create_review_job.main([*OUTSIDE, "--top", "1"]) == 0
    assert "already exists, unchanged" in capsys.readouterr().out

    finish_review(job)
    assert merge_review.main(list(MERGE)) == 0
    assert "1 labels of people-review replace labels of people" in capsys.readouterr().out
    once = everything(job)
    assert merge_review.main(list(MERGE)) == 0
    assert everything(job) == once

    description = json.loads(read(job, "jobs/people-final/labeling_job.json"))
    announced = event("job_completion/completed.json")
    announced["resources"] = [description["LabelingJobArn"]]
    announced["detail"]["LabelingJob"] = description
    detail = job_completion.handler(announced, context)
    assert (detail["labeling_job"], detail["lines"], detail["written"]) == ("people-final", 7, 3)
    merged = json.loads(read(job, "results/people-final/annotations/0000000-bus-stop.json"))
    assert merged["updated_annotations"][0]["annotations"][0]["x"] == 200.0
    assert merged["labeled_by"] == "people-review"
    first = json.loads(read(job, "results/people/annotations/0000000-bus-stop.json"))
    assert merged["dataset_object_id"] == first["dataset_object_id"]
    assert merged["total_time_in_seconds"] == round(first["total_time_in_seconds"] + REVIEW_SECONDS, 6)
    assert [a["labeled_by"] for a in merged["earlier_answers"]] == ["people"] * len(first["workers"])
    names = [[image["file_name"] for image in json.loads(read(job, f"results/{n}/coco.json"))["images"]] for n in JOBS]
    assert names[0] == names[1]
    assert task["reviewed_file_name"] == merged["file_name"] == names[0][0]
    ids = [json.loads(line)["dataset_object_id"] for line in read(job, f"results/people-final/{TABLE}").splitlines()]
    assert len(set(ids)) == len(ids) == 3
    untouched = json.loads(read(job, "results/people-final/annotations/0000001-crossing.json"))
    before = json.loads(read(job, "results/people/annotations/0000001-crossing.json"))
    assert untouched == before | {"labeling_job": "people-final"}
    assert "out_of_image" not in read(job, "results/people-final/suspicious.jsonl")


def test_images_with_too_long_labels_count_towards_top(job: Any, capsys: Any) -> None:
    first, second = (json.loads(line) for line in read(job, "results/people/suspicious.jsonl").splitlines())
    review = read(job, "results/people/review.manifest").splitlines()
    put(job, "results/people/review.manifest", review[1])
    assert json.loads(review[1])["reviewed_line"] == second["line"]
    code, text = refused(capsys, create_review_job.main, *OUTSIDE, "--top", "1")
    assert (code, "the labels of 1 are too long" in text) == (2, True)
    assert create_review_job.main([*OUTSIDE, "--top", "2"]) == 0
    assert read(job, "jobs/people-review/input.manifest").count("\n") == 1
    assert f"{first['source_ref']}: not in review.manifest" in capsys.readouterr().err


def test_dry_runs_write_nothing(job: Any, capsys: Any) -> None:
    before = everything(job)
    assert create_review_job.main([*OUTSIDE, "--dry-run"]) == 0
    assert "Instance 1: Outside the image: nose" in capsys.readouterr().out
    assert everything(job) == before
    assert create_review_job.main([*OUTSIDE]) == 0
    finish_review(job)
    before = everything(job)
    assert merge_review.main([*MERGE, "--dry-run"]) == 0
    assert everything(job) == before


def refused(capsys: Any, run: Any, *given: str) -> tuple[int, str]:
    code = run([*given])
    return code, capsys.readouterr().err


def test_a_job_that_cannot_be_reviewed_is_refused(job: Any, capsys: Any) -> None:
    code, text = refused(capsys, create_review_job.main, "nobody", *OUTSIDE[1:])
    assert code == 1
    assert text.endswith("results.json; scripts/job_status.py nobody shows its progress\n")
    code, text = refused(capsys, create_review_job.main, *OUTSIDE, "--top", "0")
    assert (code, text) == (2, "error: --top: expected at least 1, got 0\n")
    put(job, "results/people/review.manifest", "")
    code, text = refused(capsys, create_review_job.main, *OUTSIDE)
    assert (code, "there is nothing to review" in text) == (2, True)


def test_a_review_that_cannot_be_merged_is_refused(job: Any, capsys: Any, monkeypatch: Any) -> None:
    with sagemaker.serve() as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER", url)
        code, text = refused(capsys, merge_review.main, *MERGE)
    assert (code, "there is no job 'people-review'" in text) == (2, True)
    create_review_job.main([*OUTSIDE, "--top", "1"])
    code, text = refused(capsys, merge_review.main, *MERGE)
    assert (code, "expected a finished job, got the status InProgress" in text) == (2, True)
    finish_review(job)
    for name in ("people", "people-review"):
        code, text = refused(capsys, merge_review.main, *MERGE[:3], name)
        assert (code, "choose another name" in text) == (2, True)
    review = read(job, REVIEW)
    for wrong, said in (
        (review.replace("bus-stop", "crossing", 1), "which was reviewed, got"),
        (review.replace('"reviewed_line": 0', '"reviewed_line": 70'), "got a shorter one"),
        (review.replace('"reviewed_line": 0', '"other": 0'), "was the job created from a review.manifest?"),
        (review + review, "got 0"),
    ):
        put(job, REVIEW, wrong)
        code, text = refused(capsys, merge_review.main, *MERGE)
        assert (code, said in text) == (2, True), text
    assert not [key for key in everything(job) if "people-final" in key]
    put(job, REVIEW, review)
    assert merge_review.main([*MERGE]) == 0
    # A review of something else under the same name is not taken for this one.
    key = "jobs/people-review/labeling_job.json"
    put(job, key, json.dumps(json.loads(read(job, key)) | {"CreationTime": "2026-11-22T08:00:00.000+00:00"}))
    code, text = refused(capsys, merge_review.main, *MERGE)
    assert (code, "which is another job; choose another name" in text) == (2, True)


def test_every_line_of_the_first_manifest_is_copied_as_it_is(job: Any) -> None:
    create_review_job.main([*OUTSIDE, "--top", "1"])
    finish_review(job)
    merge_review.main([*MERGE])
    first, merged = (
        [line.text for line in read_lines([read(job, key).encode()])]
        for key in (FIRST, "output/people-final/manifests/output/output.manifest")
    )
    assert first[1:] == merged[1:]
    assert re.search(rb'"x":200\.0', merged[0])
