"""Nothing that identifies a worker, and no signed link, gets into results, scratch files or logs."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.config import Config
from loop import Loop, face
from test_privileges import invoke

from truepoint.groundtruth.job import ENDED, SOURCE
from truepoint.keys import job_keys

SUB = "5f1d8c2e-7a3b-4c1d-9e0f-2b6a7c8d9e0f"
EMAIL = "ada.lovelace@example.com"
NEVER = (
    "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId", "Signature=",
    "identityData", "workerMetadata", SUB, EMAIL, "ada.lovelace", "Ada Lovelace",
)  # fmt: skip


def ground_truths_batch(loop: Loop, name: str) -> dict[str, Any]:
    """An object's answers with all that Ground Truth knows of a worker, and the original component's signed links."""
    key = f"jobs/{name}/images/1.png"
    image = f"s3://{loop.stack.bucket}/{key}"
    s3 = loop.execution_role().client(
        "s3", endpoint_url=loop.emulator.endpoint, config=Config(signature_version="s3v4")
    )
    signed = s3.generate_presigned_url("get_object", Params={"Bucket": loop.stack.bucket, "Key": key})
    assert "X-Amz-Signature" in signed
    identity = {"identityProviderType": "Cognito", "issuer": "https://example.com", "sub": SUB, "email": EMAIL}
    answers = []
    for worker in ("w1", "w2"):
        content = {
            "updated_annotations": json.dumps([face(9, 9)]),
            "original_annotations": "[]",
            "image_s3_uri": signed,
            "image_name": signed.rsplit("/", 1)[1],
            "total_time_in_seconds": "1",
            "worker_email": EMAIL,
        }
        data = {"annotationData": {"content": json.dumps(content)}, "workerMetadata": {"identityData": identity}}
        answers.append({"workerId": f"private.us-east-1.{worker}", **data})
    return {"datasetObjectId": "1", "dataObject": {"s3Uri": image}, "annotations": answers}


def test_nothing_identifies_a_person(loop: Loop) -> None:
    """A job with the portal's workers, one of whose images is then labelled as in Ground Truth."""
    name, started = "private", int(1000 * time.time())
    loop.run(loop.job(name, images=2, workers=2), {
        EMAIL: {"0.png": [face(9, 9)], "1.png": [face(99, 99)]},
        "Ada Lovelace": {"0.png": [face(10, 10)], "1.png": [face(99, 98)]},
    })  # fmt: skip
    key = (
        f"output/{name}/annotations/consolidated-annotation/consolidation-request/iteration-1/2026-11-18_02:19:51.json"
    )
    body = json.dumps([ground_truths_batch(loop, name)]).encode()
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=key, Body=body)
    event = {"labelAttributeName": "keypoints", "payload": {"s3Uri": f"s3://{loop.stack.bucket}/{key}"}}
    [label] = invoke(loop, loop.stack.post_annotation_arn, event)
    manifest = f"output/{name}/manifests/output/output.manifest"
    lines = loop.output(name)
    lines[1] |= label["consolidatedAnnotation"]["content"]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=manifest, Body=text.encode())
    loop.s3.delete_object(Bucket=loop.stack.bucket, Key=job_keys(name).write_lock)  # as if the results were a week old
    description = json.loads(loop.read(f"jobs/{name}/labeling_job.json"))
    ended = {
        "detail-type": ENDED, "source": SOURCE, "resources": [description["LabelingJobArn"]],
        "detail": {"LabelingJobStatus": "Completed", "LabelingJob": description},
    }  # fmt: skip
    assert invoke(loop, loop.stack.job_completion_arn, ended)["written"] == 2

    written = {key: loop.read(key).decode() for key in (*loop.keys(f"results/{name}/"), *loop.keys("tmp/"), manifest)}
    assert f"results/{name}/workers.json" in written
    logs = loop.client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"], startTime=started)
        written[group["logGroupName"]] = "\n".join(e["message"] for page in pages for e in page["events"])
    assert any('"labeling_job":"private"' in text.replace(" ", "") for text in written.values())  # the logs are there
    found = [(key, word) for key, text in written.items() for word in NEVER if word in text]
    assert found == []

    workers = json.loads(written[f"results/{name}/workers.json"])["workers"]
    assert {w["worker_id"].split(".")[0] for w in workers} == {"private"}
    assert len(workers) == 4
