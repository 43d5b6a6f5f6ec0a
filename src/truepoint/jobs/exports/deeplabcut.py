"""Export to a DeepLabCut project: `config.yaml` and `labeled-data/<job>/CollectedData_<scorer>.csv`.

Format: https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html and maDLC_UserGuide.html. The
table is that of a project with several individuals: four header rows, three index columns, and an empty cell for a
keypoint that is not labelled. DeepLabCut has no visibility.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportImage, Notes, Paths
from truepoint.jobs.exports.tables import cell, rows_writer
from truepoint.pose.instance import OCCLUDED
from truepoint.pose.skeleton import Skeleton

SCORER = "truepoint"
"""DeepLabCut's name for the person who labelled; part of the table's file name."""

Row = tuple[ExportImage, str, list[dict[str, tuple[float, float]]]]
"""An image, its name in the project, and the positions of each individual's keypoints."""


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write the project, and copy the pictures. The labels of the whole set are in memory at once.

    Rows without labels come last, because pandas reads a first row without values as the names of the index columns.
    """
    notes: Notes = Notes()
    names = data.skeleton.keypoint_names
    rows: list[Row] = []
    taken = Paths()
    for image in images:
        notes[COMMENTS] += image.comments
        notes["folders left out of image names"] += "/" in image.path
        notes["split left out: DeepLabCut makes its own"] += bool(image.split)
        rows.append((image, taken.take(image.path.replace("/", "-")), _individuals(image, set(names), notes)))
    rows.sort(key=lambda row: not row[2])  # a stable sort: both groups keep the manifest's order
    most = max((len(individuals) for _, _, individuals in rows), default=0) or 1
    video = Paths().take(data.name)
    folder = out / "labeled-data" / video
    folder.mkdir(parents=True)
    with (folder / f"CollectedData_{SCORER}.csv").open("w", encoding="utf-8", newline="") as file:
        table = rows_writer(file)
        columns = [(f"individual{i + 1}", name, axis) for i in range(most) for name in names for axis in "xy"]
        table.writerow(["scorer", "", "", *(SCORER for _ in columns)])
        table.writerow(["individuals", "", "", *(individual for individual, _, _ in columns)])
        table.writerow(["bodyparts", "", "", *(cell(name) for _, name, _ in columns)])
        table.writerow(["coords", "", "", *(axis for _, _, axis in columns)])
        for _, name, individuals in rows:
            values: list[float | str] = []
            for labeled in [*individuals, *({} for _ in range(most - len(individuals)))]:
                for keypoint in names:
                    values += labeled.get(keypoint, ("", ""))
            table.writerow(["labeled-data", video, name, *values])
    # The list is a JSON file, because readers treat every CSV file in the project as labels.
    listed = {f"labeled-data/{video}/{name}": image.s3_uri for image, name, _ in rows}
    (out / "images.json").write_text(json.dumps(listed, ensure_ascii=False, indent=1), encoding="utf-8")
    for image, name, _ in rows:
        data.copy_picture(image, folder / name)
    sizes = [image.size for image, _, _ in rows if image.size]
    width, height = max((w for w, _ in sizes), default=1), max((h for _, h in sizes), default=1)
    target = out.resolve().with_name(out.name.removesuffix(".part"))
    config = _config(data.skeleton, video, most, (width, height), target)
    (out / "config.yaml").write_text(config, encoding="utf-8")
    return notes


def _individuals(image: ExportImage, names: set[str], notes: Notes) -> list[dict[str, tuple[float, float]]]:
    individuals = []
    for instance in image.instances:
        keypoints = [k for k in instance.annotations if k.label in names]
        notes["keypoints left out: the skeleton does not have them"] += len(instance.annotations) - len(keypoints)
        notes["occluded keypoints exported as visible"] += sum(k.visibility == OCCLUDED for k in keypoints)
        notes["names of instances left out"] += bool(instance.name)
        notes["boxes left out"] += instance.box is not None
        notes["instances without keypoints left out"] += not keypoints
        if keypoints:
            individuals.append({k.label: (k.x, k.y) for k in keypoints})
    return individuals


def _config(skeleton: Skeleton, video: str, individuals: int, size: tuple[int, int], folder: Path) -> str:
    """Return config.yaml of a project for several animals, with the keys of DeepLabCut's template.

    Each value is JSON, which is also YAML. DeepLabCut corrects `project_path` itself after the folder is moved. It
    looks for the labels of a video in the folder with the video's name.
    """
    values = {
        "Task": video,
        "scorer": SCORER,
        "date": "Jan1",
        "multianimalproject": True,
        "identity": False,
        "project_path": str(folder),
        "engine": "pytorch",
        "video_sets": {f"videos/{video}.mp4": {"crop": f"0, {size[0]}, 0, {size[1]}"}},
        "individuals": [f"individual{i + 1}" for i in range(individuals)],
        "uniquebodyparts": [],
        "multianimalbodyparts": list(skeleton.keypoint_names),
        "bodyparts": "MULTI!",
        "start": 0,
        "stop": 1,
        "numframes2pick": 20,
        "skeleton": [[a, b] for a, b, *_ in skeleton.edges],
        "skeleton_color": "black",
        "pcutoff": 0.6,
        "dotsize": 12,
        "alphavalue": 0.7,
        "colormap": "rainbow",
        "TrainingFraction": [0.95],
        "iteration": 0,
        "default_net_type": "resnet_50",
        "default_augmenter": "multi-animal-imgaug",
        "default_track_method": "ellipse",
        "snapshotindex": "all",
        "batch_size": 8,
        "cropping": False,
        "x1": 0,
        "x2": 640,
        "y1": 277,
        "y2": 624,
        "corner2move2": [50, 50],
        "move2corner": True,
    }
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in values.items())
