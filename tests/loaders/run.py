"""Run the real loaders of Ultralytics, torchvision, MMPose and DeepLabCut on an export of a made-up job.

Run it by `make loaders`. Every picture, subject, keypoint and box that a loader finds is compared with the labels.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from folders import PERSON, random_records, write_results
from PIL import Image
from reading import run_reader

import export
from truepoint.jobs.exports.finished import ExportImage, data_set
from truepoint.pose.similarity import extent

SINGLE = 2e-3
"""Pixels: loaders that keep 32-bit floats cannot do better in pictures of a thousand."""
NAMES = PERSON.keypoint_names


def main() -> int:
    """Make the export, run each loader, and print what it found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_results(folder / "results", PERSON, random_records(40))
        images = list(data_set([folder / "results"]).images())
        for image in images:
            assert image.size
            file = folder / "photos" / image.file_name
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", image.size).save(file)
        arguments = [
            "--results",
            str(folder / "results"),
            "--out",
            str(folder / "out"),
            "--images",
            str(folder / "photos"),
        ]
        formats = ["--format", "yolo,coco,mmpose,deeplabcut", "--split", "train=0.75,val=0.25"]
        assert export.main([*arguments, *formats]) == 0
        failed = 0
        for loader, (environment, compare) in LOADERS.items():
            try:
                found = json.loads(
                    run_reader(environment, Path(__file__).parent / f"{loader}_loader.py", folder / "out")
                )
                print(f"{loader}: {compare(found, images)}")
            except AssertionError as error:
                failed += 1
                print(f"{loader}: FAILED: {error}")
        return int(failed > 0)


def parts(found: dict[str, dict[str, Any]], images: list[ExportImage], *, empty: bool, keep_v: bool) -> str:
    """Compare a loader that reads parts. `empty`: it lists pictures without anybody; `keep_v`: it tells 1 from 2."""
    merged = {path: subjects for pictures in found.values() for path, subjects in pictures.items()}
    wanted = {image.path: image for image in images if empty or image.instances}
    assert merged.keys() == wanted.keys(), f"expected {len(wanted)} pictures, got {len(merged)}"
    assert not empty or {len(found["train"]), len(found["val"])} == {30, 10}, "expected 30 and 10 pictures"
    keypoints = subjects = 0
    for path, image in wanted.items():
        assert len(merged[path]) == len(image.instances), path
        for actual, instance in zip(merged[path], image.instances, strict=True):
            subjects += 1
            for name, (x, y, v) in zip(NAMES, actual["keypoints"], strict=True):
                k = instance.by_label.get(name)
                near(([x, y] if v else [0, 0]), [k.x, k.y] if k else [0, 0], f"{path} {name}")
                wanted_v = (k.visibility if keep_v else 1) if k else 0
                assert v == wanted_v, f"{path} {name}: expected visibility {wanted_v}, got {v}"
                keypoints += k is not None
            found_extent = extent(instance)
            assert found_extent
            (left, top, width, height), _ = found_extent
            assert min(actual["box"][2:]) > 0, f"{path}: expected a box with an area, got {actual['box']}"
            if instance.box:
                near(actual["box"][2:], [width, height], f"{path} box")
                assert left + top >= 0
    return f"{len(merged)} pictures, {subjects} subjects, {keypoints} keypoints are equal"


def individuals(found: dict[str, Any], images: list[ExportImage]) -> str:
    """Compare DeepLabCut's training set: the images that have labels."""
    labelled = {f"labeled-data/people/{i.path.replace('/', '-')}": i for i in images}
    wanted = {name: image for name, image in labelled.items() if image.instances}
    assert wanted.keys() <= found.keys() <= labelled.keys(), f"expected {len(wanted)} pictures, got {len(found)}"
    keypoints = 0
    for name, image in wanted.items():
        assert len(found[name]) == len(image.instances), name
        for actual, instance in zip(found[name], image.instances, strict=True):
            assert actual.keys() == instance.by_label.keys(), name
            for label, place in actual.items():
                near(place, [instance.by_label[label].x, instance.by_label[label].y], f"{name} {label}")
                keypoints += 1
    return f"{len(wanted)} pictures, {keypoints} keypoints are equal"


def near(actual: list[float], wanted: list[float], where: str) -> None:
    """Compare two lists of numbers."""
    assert all(abs(a - b) <= SINGLE for a, b in zip(actual, wanted, strict=True)), (
        f"{where}: expected {wanted}, got {actual}"
    )


LOADERS: dict[str, tuple[str, Callable[..., str]]] = {
    "ultralytics": (".venv-loaders", lambda found, images: parts(found, images, empty=True, keep_v=True)),
    "torchvision": (".venv-loaders", lambda found, images: parts(found, images, empty=True, keep_v=True)),
    "mmpose": (".venv-mmpose", lambda found, images: parts(found, images, empty=False, keep_v=False)),
    "deeplabcut": (".venv-loaders", individuals),
}

if __name__ == "__main__":
    sys.exit(main())
