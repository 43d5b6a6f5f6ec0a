"""A job with several workers an object: consolidated at once, and again when the whole job is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from job_manifests import SKELETON, answer, labeled_lines, text
from sample_events import BUCKET
from truepoint.adapters.bucket import Bucket
from truepoint.groundtruth.job import LabelingJob
from truepoint.runs.completion import complete

MANIFEST = "output/crowd/manifests/output/output.manifest"
SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
JOB = LabelingJob(
    name="crowd", arn="arn", status="Completed", label_attribute_name="keypoints",
    output_manifest_uri=f"s3://{BUCKET}/{MANIFEST}", workers_per_object=3,
)  # fmt: skip
IMAGES = 12


def run(s3: Any, workers: int, **changed: Any) -> None:
    s3.put_object(Bucket=BUCKET, Key="jobs/crowd/skeleton.json", Body=SKELETON)
    s3.put_object(Bucket=BUCKET, Key=MANIFEST, Body=text(labeled_lines("crowd", workers, IMAGES)))
    complete(msgspec.structs.replace(JOB, **changed), Bucket(BUCKET))


def result(s3: Any, name: str) -> Any:
    return json.loads(s3.get_object(Bucket=BUCKET, Key=f"results/crowd/{name}")["Body"].read())


def check(found: Any, name: str) -> None:
    jsonschema.validate(found, json.loads((SCHEMAS / f"{name}.schema.json").read_text()))


def test_agreement_workers_and_every_image(s3: Any) -> None:
    run(s3, 3)
    quality, workers = result(s3, "quality.json"), result(s3, "workers.json")
    check(quality, "quality")
    check(workers, "workers")
    assert quality["agreement"]["images"] == quality["agreement"]["instances"] == IMAGES
    assert quality["agreement"]["oks"] > 0.8
    assert len(quality["agreement"]["worker_pairs"]) == 3
    assert {s["source"] for s in quality["sigmas"]} == {"skeleton"}
    assert quality["sigmas"][0]["measured"]["n"] == 2 * IMAGES
    assert [w["tasks"] for w in workers["workers"]] == [IMAGES] * 3
    bias = {w["worker_id"]: w["against_others"]["bias"][0]["x"] for w in workers["workers"]}
    assert bias["w0"] < -0.01 < bias["w1"] < 0.01 < bias["w2"]
    image = result(s3, "annotations/0000004-4.json")
    check(image, "annotation-file")
    check(image["updated_annotations"][0], "consolidated-instance")
    assert image["agreement"] > 0.8
    assert len(image["workers"][0]["annotations"][0]["annotations"]) == 17


def test_a_job_with_one_worker_per_image_has_no_agreement(s3: Any) -> None:
    run(s3, 1, workers_per_object=1)
    assert result(s3, "quality.json")["agreement"] is None
    [worker] = result(s3, "workers.json")["workers"]
    assert (worker["tasks"], worker["keypoints"], worker["rank"]) == (IMAGES, 17 * IMAGES, None)
    image = result(s3, "annotations/0000004-4.json")
    assert image["updated_annotations"] == json.loads(json.loads(answer(-2))["updated_annotations"])


def test_agreement_where_it_is_not_known_how_many_workers_there_were(s3: Any) -> None:
    run(s3, 2, workers_per_object=None)
    assert result(s3, "quality.json")["agreement"]["images"] == IMAGES


@pytest.mark.parametrize("gold", [None, b"{", b'{"3.jpg": []}'])
def test_gold(s3: Any, gold: bytes | None) -> None:
    if gold:
        s3.put_object(Bucket=BUCKET, Key="jobs/crowd/gold.json", Body=gold)
    run(s3, 3)
    added = [w["against_gold"]["added"]["n"] for w in result(s3, "workers.json")["workers"]]
    assert added == ([1, 1, 1] if gold and gold.startswith(b'{"3') else [0, 0, 0])
