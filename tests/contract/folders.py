"""Results folders of made-up jobs, written by the code that completion runs."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import msgspec

from truepoint.groundtruth.job import LabelingJob
from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import Labeled, read_line
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.results.coco import CocoWriter, coco_file
from truepoint.results.result_set import Files, SkeletonSource, annotation_file, annotation_key, results

SKELETONS = Path(__file__).parents[2] / "skeletons"
PERSON = parse_skeleton((SKELETONS / "coco-person.json").read_bytes())
SIZES = ((640, 480), (1000, 1000), (37, 401), (1201, 799))
ATTRIBUTE = "keypoints"
HOSTILE = "=cmd|'/c calc'!A0 </script><img src=x onerror=alert(1)> \"&#x27;\u2028\x1b"


def write_results(folder: Path, skeleton: Skeleton, records: list[dict[str, Any]], job: str = "people") -> Path:
    """Write a complete set for the lines of a manifest, all of them labelled."""
    labeling_job = LabelingJob(
        name=job,
        arn=f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{job}",
        status="Completed",
        label_attribute_name=ATTRIBUTE,
        output_manifest_uri=f"s3://bucket-name/output/{job}/manifests/output/output.manifest",
    )
    files = Files()
    (folder / files.annotations).mkdir(parents=True)
    coco = CocoWriter(skeleton, job)
    accepted: tuple[list[bytes], list[bytes]] = [], []
    raters: tuple[list[bytes], list[bytes]] = [], []
    for number, value in enumerate(records):
        text = json.dumps(value).encode()
        labeled = read_line(Line(number, text, len(text)), ATTRIBUTE, lambda _uri: b"")
        assert isinstance(labeled, Labeled), labeled
        for file, (image, entries) in ((accepted, coco.accepted(labeled)), (raters, coco.raters(labeled))):
            file[0].append(image)
            file[1].extend(entries)
        (folder / annotation_key(labeled)).write_bytes(msgspec.json.encode(annotation_file(labeled, job)))
    for name, collected in ((files.coco, accepted), (files.coco_workers, raters)):
        (folder / name).write_bytes(b"".join(coco_file(skeleton, job, *collected)))
    (folder / files.skeleton).write_bytes(msgspec.json.encode(skeleton))
    counts = {"lines": len(records), "written": len(records), "rejected": 0, "failed": 0, "unlabeled": 0}
    marker = results(labeling_job, None, SkeletonSource("file", skeleton.name), counts, len(records))
    (folder / "results.json").write_bytes(msgspec.json.encode(marker))
    return folder


def random_record(number: int, rng: random.Random, skeleton: Skeleton = PERSON) -> dict[str, Any]:
    """One line: 0 to 3 instances with any keypoints inside the image, some boxes, some images without instances."""
    width, height = rng.choice(SIZES)
    instances = [_instance(place, rng, width, height, skeleton) for place in range(rng.choice([0, 1, 1, 2, 3]))]
    uri = f"s3://bucket-name/jobs/people/images/{rng.choice(['', 'gate/', 'more/deep/'])}{number}.jpg"
    return line(uri, instances, width, height)


def line(
    source_ref: str, instances: list[Any], width: int | None = 640, height: int | None = 480, **changed: Any
) -> dict[str, Any]:
    """A line of an output manifest with the label that post_annotation writes."""
    label = {
        "dataset_object_id": "0", "data_object_s3_uri": source_ref, "image_file_name": "a.jpg",
        "image_s3_location": source_ref, "updated_annotations": instances, "version": "1.0",
        "image_width": width, "image_height": height, "workers": [{"worker_id": "w1", "usable": True}],
    }  # fmt: skip
    return {"source-ref": source_ref, ATTRIBUTE: label | changed}


def keypoint(name: str, x: float, y: float, visibility: int = 2) -> dict[str, Any]:
    """A keypoint as a page submits it."""
    return {"label": name, "x": x, "y": y, "visibility": visibility}


def _instance(place: int, rng: random.Random, width: int, height: int, skeleton: Skeleton) -> dict[str, Any]:
    names = rng.sample(skeleton.keypoint_names, rng.randint(1, len(skeleton.keypoints)))
    found = {
        "id": f"n{place + 1}",
        "name": rng.choice(["", "driver"]),
        "annotations": [
            keypoint(name, rng.uniform(0, width), rng.uniform(0, height), rng.choice([1, 2])) for name in names
        ],
    }
    if rng.random() < 0.4:
        x, y = rng.uniform(0, width / 2), rng.uniform(0, height / 2)
        found["box"] = [x, y, rng.uniform(3, width / 2), rng.uniform(3, height / 2)]
    return found


def random_records(count: int, seed: int = 1, skeleton: Skeleton = PERSON) -> list[dict[str, Any]]:
    """Lines of a made-up job, the same for the same seed; every kind of image is among them if there are enough."""
    rng = random.Random(seed)
    return [random_record(number, rng, skeleton) for number in range(count)]


def expected(records: list[dict[str, Any]], skeleton: Skeleton = PERSON) -> list[list[dict[str, Any]]]:
    """By image: instances as {keypoint name: [x, y, v]}, of the labelled keypoints, from the manifest's own text."""
    lines = json.loads(json.dumps(records))
    return [
        [
            {k["label"]: [k["x"], k["y"], k["visibility"]] for k in instance["annotations"]}
            for instance in line["keypoints"]["updated_annotations"]
        ]
        for line in lines
    ]
