"""The made-up job of `make report-sample`: the same for the same seed, and a report that names what was injected."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import sample_job
from pycocotools.coco import COCO

from truepoint.groundtruth.job import LabelingJob
from truepoint.runs.completion import complete

ROOT = Path(__file__).parents[2]


def test_the_same_seed_makes_the_same_job() -> None:
    assert list(sample_job.lines(9, 4)) == list(sample_job.lines(9, 4))
    assert list(sample_job.lines(9, 4)) != list(sample_job.lines(9, 5))


@pytest.fixture
def results(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Results of eighty images; a function that gives one of their files."""
    from truepoint.adapters.bucket import Bucket

    s3.create_bucket(Bucket=sample_job.BUCKET)
    output = f"output/{sample_job.JOB}/output.manifest"
    s3.put_object(Bucket=sample_job.BUCKET, Key=output, Body=b"".join(sample_job.lines(80, 1)))
    s3.put_object(Bucket=sample_job.BUCKET, Key=f"jobs/{sample_job.JOB}/skeleton.json", Body=sample_job.SKELETON)
    job = LabelingJob(
        name=sample_job.JOB,
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{sample_job.JOB}",
        status="Completed",
        label_attribute_name=sample_job.ATTRIBUTE,
        output_manifest_uri=f"s3://{sample_job.BUCKET}/{output}",
    )
    complete(job, Bucket(sample_job.BUCKET))
    yield lambda name: s3.get_object(Bucket=sample_job.BUCKET, Key=f"results/{sample_job.JOB}/{name}")
    while page := s3.list_objects_v2(Bucket=sample_job.BUCKET).get("Contents"):
        s3.delete_objects(Bucket=sample_job.BUCKET, Delete={"Objects": [{"Key": o["Key"]} for o in page]})
    s3.delete_bucket(Bucket=sample_job.BUCKET)


def test_the_report_in_s3_shows_the_injected_errors(results: Any) -> None:
    answer = results("report.html")
    assert answer["ContentType"] == "text/html; charset=utf-8"
    text = answer["Body"].read().decode()
    [data] = re.findall(r'id="data">(.*?)</script>', text, re.DOTALL)
    report = json.loads(data)
    assert report["quality"] == json.loads(results("quality.json")["Body"].read())
    listed = results("suspicious.jsonl")["Body"].read().splitlines()
    assert [image["line"] for image in report["worst"]] == [json.loads(line)["line"] for line in listed[:24]]
    careful, _, noisy, swapping, overlooking = (w["against_others"] for w in report["workers"])
    assert noisy["relative"] < 0.7 < careful["relative"]
    assert swapping["errors"]["inversion"]["share"] > 2 * careful["errors"]["inversion"]["share"]
    assert overlooking["missed"]["share"] > 0.05 > careful["missed"]["share"]
    lines = report["quality"]
    assert lines["written"] + lines["rejected"] + lines["failed"] + lines["unlabeled"] == lines["lines"] == 80
    assert min(lines["written"], lines["rejected"], lines["failed"], lines["unlabeled"]) > 0


def test_every_workers_instances_are_in_the_workers_file(results: Any, tmp_path: Path) -> None:
    file = tmp_path / "coco_workers.json"
    file.write_bytes(results("coco_workers.json")["Body"].read())
    coco = COCO(str(file))
    names = sorted(worker.name for worker in sample_job.WORKERS)
    accepted = json.loads(results("coco.json")["Body"].read())
    assert coco.getImgIds() == [image["id"] for image in accepted["images"]]
    for image in coco.imgs.values():
        assert image["rater_list"] == names
        raters = [entry["rater_id"] for entry in coco.imgToAnns[image["id"]]]
        assert raters == sorted(raters)
        assert set(raters) <= set(names)
    quality = json.loads(results("workers.json")["Body"].read())
    marked = {worker["worker_id"]: worker["instances"] for worker in quality["workers"]}
    assert marked == {name: sum(e["rater_id"] == name for e in coco.anns.values()) for name in names}
