"""A job that measures anchoring, from its pre-labels to every export: no error that was made on purpose is a label."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import anchoring as bench
import jsonschema
import msgspec
import pytest
from test_two_passes import JOB as CROWD
from test_two_passes import SCHEMAS

import post_annotation
from job_manifests import SKELETON
from sample_events import BUCKET
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.commands.export import main as export
from truepoint.formats.detection import read_labels
from truepoint.groundtruth.anchoring import AnchoringError, ImageRecord, parse_record, record_name
from truepoint.jobs.anchoring import Shares, Treated, treat
from truepoint.jobs.results import download_results
from truepoint.keys import job_keys
from truepoint.pose.instance import parse_instances
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.similarity import symmetric_oks
from truepoint.pose.skeleton import parse_skeleton
from truepoint.runs.completion import complete

NAME = "crowd"
IMAGES = 48
PERSON = parse_skeleton(SKELETON)
TABLE = sigma_table(PERSON)
GIVEN = bench.treated_job(IMAGES, 8, PERSON).given
SIZE = (bench.SIDE, bench.SIDE)
READABLE = {"coco": "json", "cvat": "xml", "labelstudio": "json", "yolo": "yaml"}
"""Exports whose files our own readers restore, and how those are named."""
REQUEST = f"output/{NAME}/annotations/consolidated-annotation/consolidation-request/iteration-1/r.json"


@pytest.fixture
def treated(s3: Any) -> Treated:
    """The job's pre-labels as workers see them; its documents are in the bucket."""
    made = treat(GIVEN, dict.fromkeys(GIVEN, SIZE), PERSON, NAME, Shares(0.2, 0.5), seed="5eed" * 16)
    for document in made.documents:
        s3.put_object(Bucket=BUCKET, Key=document.key, Body=document.body)
    s3.put_object(Bucket=BUCKET, Key=job_keys(NAME).skeleton, Body=SKELETON)
    return made


def records(treated: Treated) -> dict[str, ImageRecord]:
    bodies = {d.key.removeprefix(job_keys(NAME).anchoring_records): d.body for d in treated.documents}
    return {name: parse_record(bodies[key]) for name in GIVEN if (key := record_name(name)) in bodies}


def stamped(shown: Any) -> dict[str, str]:
    """The answer of a worker who leaves everything as it is; from nothing, the worker labels nothing."""
    updated = [{"id": f"p{n}", "name": ""} | instance for n, instance in enumerate(shown)]
    details = {"version": "1.0", "image_width": SIZE[0], "image_height": SIZE[1]}
    fields = {"updated_annotations": updated, "original_annotations": list(shown), "answer_details": details}
    return {name: json.dumps(value) for name, value in fields.items()}


def consolidated(s3: Any, context: Any, answers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The lines of the output manifest, as post_annotation labels them. Answers are by image and worker."""
    batch = [
        {
            "datasetObjectId": str(number),
            "dataObject": {"s3Uri": f"s3://{BUCKET}/{job_keys(NAME).images}{image}"},
            "annotations": [
                {"workerId": worker, "annotationData": {"content": json.dumps(fields)}}
                for worker, fields in answers[image].items()
            ],
        }
        for number, image in enumerate(answers)
    ]
    s3.put_object(Bucket=BUCKET, Key=REQUEST, Body=json.dumps(batch).encode())
    event = {"labelAttributeName": "keypoints", "payload": {"s3Uri": f"s3://{BUCKET}/{REQUEST}"}}
    result = {
        r["datasetObjectId"]: r["consolidatedAnnotation"]["content"] for r in post_annotation.handler(event, context)
    }
    metadata = {"keypoints-metadata": {"type": "groundtruth/custom", "job-name": NAME}}
    return [
        {"source-ref": entry["dataObject"]["s3Uri"]} | result[entry["datasetObjectId"]] | metadata for entry in batch
    ]


def results(s3: Any, lines: list[dict[str, Any]], workers: int, out: Path) -> Path:
    manifest = "\n".join(map(json.dumps, lines)).encode()
    s3.put_object(Bucket=BUCKET, Key=f"output/{NAME}/manifests/output/output.manifest", Body=manifest)
    complete(msgspec.structs.replace(CROWD, workers_per_object=workers), Bucket(BUCKET))
    download_results(s3, BUCKET, NAME, out)
    return out


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def is_given(record: ImageRecord, result: Any) -> bool:
    """Whether instances are those that the operator gave, up to a pixel and half a pixel of a box."""
    given, labels = parse_instances(record.given), parse_instances(result)
    return (
        len(given) == len(labels)
        and all(a.by_label.keys() == b.by_label.keys() for a, b in zip(given, labels, strict=True))
        and all(symmetric_oks(a, b, TABLE.sigmas) > 0.9999 for a, b in zip(given, labels, strict=True))
    )


@pytest.mark.parametrize("workers", [1, 3])
def test_no_error_that_survives_is_in_any_result_or_export(
    s3: Any, context: Any, treated: Treated, tmp_path: Path, workers: int
) -> None:
    wrong = {name: record for name, record in records(treated).items() if record.treatment == "seeded"}
    assert {record.error.kind for record in wrong.values() if record.error} == {"swap", "moved", "missing", "extra"}
    assert not any(is_given(record, record.shown) for record in wrong.values())  # the test can fail
    names = [f"w{n}" for n in range(workers)]
    answers = {image: dict.fromkeys(names, stamped(treated.prelabels.get(image, ()))) for image in GIVEN}
    lines = consolidated(s3, context, answers)
    for (image, record), line in ((item, lines[list(GIVEN).index(item[0])]) for item in wrong.items()):
        label = line["keypoints"]
        assert is_given(record, label["updated_annotations"]), image
        assert all(is_given(record, w["annotations"]) for w in label["workers"] if w.get("annotations"))
        assert label["original_annotations"] == record.shown  # what the worker saw
    folder = results(s3, lines, workers, tmp_path / "results")

    for number, image in enumerate(GIVEN):
        if image in wrong:
            result = read(folder / "annotations" / f"{number:07d}-{image.removesuffix('.jpg')}.json")
            assert is_given(wrong[image], result["updated_annotations"])
    labels = {name: folder / name for name in ("coco.json", "coco_workers.json")}
    made = tmp_path / "exports"
    formats = "coco,cvat,labelstudio,yolo,mmpose,csv"
    assert export(["--results", str(folder), "--format", formats, "--out", str(made)]) == 0
    labels |= {name: next((made / name).rglob(f"*.{end}")) for name, end in READABLE.items()}
    for name, path in labels.items():
        by_image = instances_of(path)
        for image, record in wrong.items():
            for instances in by_image[image]:
                assert is_given(record, instances), (name, image)
    everything = b"".join(path.read_bytes() for path in made.rglob("*") if path.is_file())
    rows = [json.loads(line) for line in (folder / "table" / "annotations.jsonl").read_text().splitlines()]
    assert len(rows) == IMAGES
    everything += b"".join(json.dumps(row).encode() for row in rows)
    assert not [c for record in wrong.values() for c in moved_coordinates(record) if c in everything]

    quality = read(folder / "quality.json")
    jsonschema.validate(quality, read(SCHEMAS / "quality.schema.json"))
    result = quality["anchoring"]
    assert result["images_seeded"] == len(wrong)
    assert (result["wrong_stayed"]["count"], result["wrong_stayed"]["n"]) == (workers * len(wrong),) * 2
    assert result["right_moved"]["count"] == 0 < result["right_moved"]["n"]
    assert result["withheld_elsewhere"]["share"] == 1
    assert [w["worker_id"] for w in result["workers"]] == names
    assert quality["prelabels"]["images"] == result["images_shown"]


def instances_of(path: Path) -> dict[str, list[list[Any]]]:
    """Instances by image, one list a rater, as our own reader reads a file."""
    result: dict[str, list[list[Any]]] = {}
    for image in read_labels(path, len(PERSON.keypoints), None).images:
        by_rater: dict[str, list[Any]] = {}
        for subject in image.subjects:
            side = bench.SIDE if image.in_shares else 1
            points = [
                k | {"x": k["x"] * side, "y": k["y"] * side}
                for k in subject.instance["annotations"]
                if k.get("visibility") != 0
            ]
            by_rater.setdefault(subject.rater, []).append({"annotations": points})
        result[f"{Path(image.name).stem}.jpg"] = list(by_rater.values())
    return result


def moved_coordinates(record: ImageRecord) -> Iterator[bytes]:
    """Coordinates, as text, that are only in what workers were shown."""
    if record.error and record.error.kind == "moved":
        [label] = record.error.labels
        [point] = [k for k in record.shown[record.error.instance]["annotations"] if k["label"] == label]
        yield from (str(point[axis]).encode()[:12] for axis in "xy")


def test_workers_who_put_errors_right_are_told_from_those_who_do_not(
    s3: Any, context: Any, treated: Treated, tmp_path: Path
) -> None:
    known = records(treated)
    answers: dict[str, dict[str, Any]] = {}
    for number, image in enumerate(GIVEN):
        shown = treated.prelabels.get(image, ())
        right = stamped(GIVEN[image]) | {"original_annotations": json.dumps(list(shown))}
        answers[image] = {"careful": right} if number % 2 else {"stamp": stamped(shown)}
    folder = results(s3, consolidated(s3, context, answers), 1, tmp_path / "results")
    by_worker = {w["worker_id"]: w for w in read(folder / "quality.json")["anchoring"]["workers"]}
    careful, stamp = by_worker["careful"]["wrong_stayed"], by_worker["stamp"]["wrong_stayed"]
    seeded = [r.treatment == "seeded" for r in (known.get(image) for image in GIVEN) if r]
    assert (careful["count"], stamp["count"], careful["n"] + stamp["n"]) == (0, stamp["n"], sum(seeded))
    assert careful["high"] < stamp["low"]
    assert by_worker["careful"]["withheld_elsewhere"]["count"] == 0
    report = (folder / "report.html").read_text()
    assert '"wrong_stayed"' in report
    assert "5eed5eed" not in report + (folder / "quality.json").read_text()


@pytest.mark.parametrize("settings", [b"{", b"", b'{"version":"1.0","seed":"x","withheld":0,"seeded":1}'])
def test_a_job_whose_experiment_cannot_be_read_gets_no_label(
    s3: Any, context: Any, treated: Treated, settings: bytes
) -> None:
    s3.put_object(Bucket=BUCKET, Key=job_keys(NAME).anchoring, Body=settings)
    with pytest.raises(AnchoringError):
        consolidated(s3, context, {image: {"w": stamped(())} for image in GIVEN})


def test_an_image_whose_record_is_gone_or_damaged_gets_no_label(s3: Any, context: Any, treated: Treated) -> None:
    image = next(name for name, record in records(treated).items() if record.treatment == "seeded")
    key = job_keys(NAME).anchoring_records + record_name(image)
    s3.put_object(Bucket=BUCKET, Key=key, Body=b'{"version":"1.0","treatment":"seeded"}')
    with pytest.raises(AnchoringError, match="expected the error of a seeded image"):
        consolidated(s3, context, {image: {"w": stamped(())}})
    s3.delete_object(Bucket=BUCKET, Key=key)
    with pytest.raises(NotReadableError):
        consolidated(s3, context, {image: {"w": stamped(())}})


def chained(s3: Any, context: Any, shown: Mapping[str, Any], answers: Mapping[str, Any]) -> dict[str, Any]:
    """Labels of another job whose images are this one's, by image: the input was this job's output manifest."""
    batch = [
        {
            "datasetObjectId": str(number),
            "dataObject": {"s3Uri": f"s3://{BUCKET}/{job_keys(NAME).images}{image}"},
            "annotations": [{"workerId": "w", "annotationData": {"content": json.dumps(answers[image])}}],
        }
        for number, image in enumerate(shown)
    ]
    key = REQUEST.replace(NAME, "second")
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(batch).encode())
    event = {"labelAttributeName": "keypoints", "payload": {"s3Uri": f"s3://{BUCKET}/{key}"}}
    labels = [label["consolidatedAnnotation"]["content"] for label in post_annotation.handler(event, context)]
    return {image: label["keypoints"] for image, label in zip(shown, labels, strict=True)}


def test_an_error_does_not_survive_in_a_job_that_shows_the_same_pre_labels(
    s3: Any, context: Any, treated: Treated
) -> None:
    wrong = {name: record for name, record in records(treated).items() if record.treatment == "seeded"}
    shown = {name: treated.prelabels[name] for name in wrong}
    labels = chained(s3, context, shown, {name: stamped(shown[name]) for name in shown})
    assert all(is_given(wrong[name], labels[name]["updated_annotations"]) for name in wrong)
    # A job that shows other pre-labels of the same images, such as a review, is left alone.
    others = {name: stamped(GIVEN[name]) for name in wrong}
    for name, fields in others.items():
        kept = [{"annotations": instance["annotations"][1:]} for instance in GIVEN[name]]
        others[name] = fields | {"updated_annotations": json.dumps(kept)}
    labels = chained(s3, context, shown, others)
    for name in wrong:
        assert labels[name]["updated_annotations"] == json.loads(others[name]["updated_annotations"])
        assert "anchoring" not in labels[name]["workers"][0]


def test_a_job_without_an_experiment_is_what_it_was(s3: Any, context: Any) -> None:
    [line] = consolidated(s3, context, {"0.jpg": {"w": stamped(GIVEN["0.jpg"])}})
    assert "anchoring" not in line["keypoints"]["workers"][0]
