"""Measure time and memory of `truepoint analyze` on one COCO file whose instances three raters labelled.

The file has KaLOS's format: `rater_id` in each annotation, `rater_list` in each image. Memory is the maximum, over
samples taken ten times a second, of the sum of the resident sets of all processes of the command (Linux only).

Example:
    python bench/analysis.py --instances 100000        # or: make bench-analysis
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
SKELETON = json.loads((ROOT / "skeletons" / "coco-person.json").read_text())
NAMES = [k["name"] for k in SKELETON["keypoints"]]
RATERS = ("ann", "bob", "eve")
INSTANCES_PER_IMAGE = 2
WIDTH, HEIGHT = 1920, 1080
"""Size of the images, in pixels."""
SECONDS, MEGABYTES = 180, 1000
"""Limits for the default number of instances on two cores."""


def main(given: list[str] | None = None) -> int:
    """Run the command; return 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=100_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the file and the results there")
    parser.add_argument("--predictions", action="store_true", help="with predictions of each instance too")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        file, predicted = folder / "labels.json", folder / "predictions.json"
        poses: list[tuple[int, Any]] = []
        with file.open("w", encoding="utf-8") as out:
            out.writelines(pieces(options.instances, poses))
        command = [sys.executable, "-m", "truepoint.commands", "analyze", str(file), "--out", str(folder / "results")]
        if options.predictions:
            with predicted.open("w", encoding="utf-8") as out:
                out.writelines(predictions(poses))
            command += ["--predictions", str(predicted)]
        poses.clear()
        seconds, megabytes = measured(command)
    print(
        f"{options.instances:,} instances x {len(RATERS)} raters, {len(NAMES)} keypoints"
        f"{', predictions' if options.predictions else ''}: "
        f"{seconds:.0f} s (at most {SECONDS}), {megabytes:.0f} MB (at most {MEGABYTES})"
    )
    return int(seconds > SECONDS or megabytes > MEGABYTES)


def predictions(poses: list[tuple[int, Any]]) -> Iterator[str]:
    """Yield the text of a COCO results list in pieces: one prediction per instance."""
    rng = np.random.default_rng(2)
    separator = "["
    for image, pose in poses:
        spread = 0.03 * np.ptp(pose[:, 1])
        points = np.round(pose + rng.normal(0, 0.5 * spread, pose.shape), 2)
        scores = np.round(rng.beta(6, 2, len(pose)), 4)
        result = {
            "image_id": image,
            "category_id": 1,
            "keypoints": np.column_stack([points, scores]).ravel().tolist(),
            "score": round(float(scores.mean()), 4),
        }
        yield separator + json.dumps(result)
        separator = ",\n"
    yield "]"


def pieces(instances: int, poses: list[tuple[int, Any]]) -> Iterator[str]:
    """Yield the text of the COCO file in pieces, and append each instance's image id and true pose to `poses`."""
    rng = np.random.default_rng(1)
    images = -(-instances // INSTANCES_PER_IMAGE)
    listed = [
        {"id": n + 1, "file_name": f"{n:06}.jpg", "width": WIDTH, "height": HEIGHT, "rater_list": RATERS}
        for n in range(images)
    ]
    category = {"id": 1, "name": "person", "keypoints": NAMES, "skeleton": []}
    yield json.dumps({"images": listed, "categories": [category]})[:-1] + ', "annotations": ['
    template = np.array([k["template"] for k in SKELETON["keypoints"]], float)
    template -= template.min(axis=0)
    sigmas = np.array([k["sigma"] for k in SKELETON["keypoints"]])
    separator, number = "", 0
    for image in range(images):
        for index in range(min(INSTANCES_PER_IMAGE, instances - image * INSTANCES_PER_IMAGE)):
            height = rng.uniform(0.3, 0.8) * HEIGHT
            pose = template / template[:, 1].max() * height + (
                200 + 800 * index + rng.uniform(0, 200),
                rng.uniform(5, 200),
            )
            pose += rng.normal(0, 0.03 * height, pose.shape)
            poses.append((image + 1, pose))
            size = np.sqrt(0.53 * np.prod(np.ptp(pose, axis=0)))
            for rater in RATERS:
                number += 1
                points = pose + rng.normal(0, 1, pose.shape) * (sigmas * size / np.sqrt(2))[:, None]
                annotation = _annotation(number, image + 1, rater, np.round(np.clip(points, 0, WIDTH), 2), rng)
                yield separator + json.dumps(annotation)
                separator = ",\n"
    yield "]}"


def _annotation(number: int, image: int, rater: str, points: Any, rng: np.random.Generator) -> dict[str, Any]:
    labelled = rng.random(len(points)) > 0.05
    visible = np.where(labelled, np.where(rng.random(len(points)) < 0.1, 1, 2), 0)
    values = np.column_stack([points * labelled[:, None], visible])
    return {
        "id": number,
        "image_id": image,
        "category_id": 1,
        "rater_id": rater,
        "keypoints": values.ravel().tolist(),
        "num_keypoints": int(labelled.sum()),
        "iscrowd": 0,
    }


def measured(command: list[str]) -> tuple[float, float]:
    """Run a command; return its duration in seconds and the peak memory of all its processes in MB."""
    started, peak = time.perf_counter(), 0.0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, sum(map(_resident, _family(process.pid))))
            time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return time.perf_counter() - started, peak / 1e6


def _family(pid: int) -> list[int]:
    """Return the ids of a process and of all its descendants."""
    pids = [pid]
    for parent in pids:
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii")
        except OSError:
            continue
        pids += map(int, children.split())
    return pids


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return 4096.0 * pages


if __name__ == "__main__":
    sys.exit(main())
