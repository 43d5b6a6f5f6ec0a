"""DeepLabCut, several individuals: `labeled-data/<job>/CollectedData_<scorer>.csv`.

https://deeplabcut.github.io/DeepLabCut/docs/standardDeepLabCut_UserGuide.html: four header rows, three index columns,
an empty cell where nothing is labelled. It has no visibility.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from truepoint.jobs.exports.finished import ExportImage, FinishedJob, Notes
from truepoint.jobs.exports.tables import cell, rows_writer
from truepoint.pose.instance import OCCLUDED

SCORER = "truepoint"


def write(job: FinishedJob, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write the table: one row an image, two columns a keypoint of an individual. Holds one job in memory."""
    notes: Notes = Notes()
    names = job.skeleton.keypoint_names
    rows: list[tuple[str, list[dict[str, tuple[float, float]]]]] = []
    for image in images:
        individuals = []
        for instance in image.instances:
            known = [k for k in instance.annotations if k.label in set(names)]
            notes["keypoints left out: the skeleton does not have them"] += len(instance.annotations) - len(known)
            notes["occluded keypoints that look like visible ones"] += sum(k.visibility == OCCLUDED for k in known)
            notes["names of instances left out"] += bool(instance.name)
            notes["boxes left out"] += instance.box is not None
            notes["instances without keypoints left out"] += not known
            if known:
                individuals.append({k.label: (k.x, k.y) for k in known})
        notes["folders left out of image names"] += "/" in image.path
        rows.append((image.path.replace("/", "-"), individuals))
    most = max((len(individuals) for _, individuals in rows), default=0) or 1
    folder = out / "labeled-data" / job.name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"CollectedData_{SCORER}.csv").open("w", encoding="utf-8", newline="") as file:
        table = rows_writer(file)
        columns = [(f"individual{i + 1}", name, axis) for i in range(most) for name in names for axis in "xy"]
        table.writerow(["scorer", "", "", *(SCORER for _ in columns)])
        table.writerow(["individuals", "", "", *(individual for individual, _, _ in columns)])
        table.writerow(["bodyparts", "", "", *(cell(name) for _, name, _ in columns)])
        table.writerow(["coords", "", "", *(axis for _, _, axis in columns)])
        for path, individuals in rows:
            values: list[float | str] = []
            for labeled in [*individuals, *({} for _ in range(most - len(individuals)))]:
                for name in names:
                    values += labeled.get(name, ("", ""))
            table.writerow(["labeled-data", job.name, path, *values])
    return notes
