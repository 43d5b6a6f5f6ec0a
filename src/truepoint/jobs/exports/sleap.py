"""Export to SLEAP: `labels.slp`, or `<part>.slp` for a split set, written by sleap-io of SLEAP's authors.

Format: https://io.sleap.ai. Each image is a video of one frame. An occluded keypoint is a point that is not visible.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportImage, Notes
from truepoint.pose.instance import VISIBLE, Instance

WHOLE = "labels"
"""Name of the only part of a set that is not split."""


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write the files, and copy the pictures to `images/`. The labels of the whole set are in memory at once."""
    sleap_io = importlib.import_module("sleap_io")
    notes: Notes = Notes()
    names = data.skeleton.keypoint_names
    index = {name: i for i, name in enumerate(names)}
    edges = [(index[a], index[b]) for a, b, *_ in data.skeleton.edges]
    skeleton = sleap_io.Skeleton(nodes=list(names), edges=edges, name=data.skeleton.name)
    frames: dict[str, list[Any]] = {part: [] for part in data.split_names or (WHOLE,)}
    for image in images:
        notes[COMMENTS] += image.comments
        video = sleap_io.Video([f"images/{image.path}"], backend_metadata=_video(image), open_backend=False)
        instances = []
        for instance in image.instances:
            notes["keypoints left out: the skeleton does not have them"] += len(instance.by_label.keys() - index.keys())
            notes["boxes left out"] += instance.box is not None
            notes["names of instances left out"] += bool(instance.name)
            if not instance.by_label.keys() & index.keys():
                notes["instances without keypoints left out"] += 1
                continue
            instances.append(_instance(sleap_io, instance, skeleton, names))
        frames[image.split or WHOLE].append(sleap_io.LabeledFrame(video=video, frame_idx=0, instances=instances))
        data.copy_picture(image, out / "images" / image.path)
    for part, labeled_frames in frames.items():
        videos = [frame.video for frame in labeled_frames]
        labels = sleap_io.Labels(labeled_frames=labeled_frames, videos=videos, skeletons=[skeleton])
        sleap_io.save_slp(labels, str(out / f"{part}.slp"), embed=False, verbose=False)
    return notes


def _video(image: ExportImage) -> dict[str, Any]:
    """Return SLEAP's metadata of a video that is a list of one image.

    Without metadata sleap-io would read the picture, which may not exist on this machine.
    """
    path = f"images/{image.path}"
    shape = [1, image.height, image.width, 3] if image.size else None
    return {
        "type": "ImageVideo", "shape": shape, "filename": path, "filenames": [path], "height_": image.height,
        "width_": image.width, "channels_": 3, "grayscale": False, "fps": None,
    }  # fmt: skip


def _instance(sleap_io: Any, instance: Instance, skeleton: Any, names: tuple[str, ...]) -> Any:
    keypoints = instance.by_label
    points = {name: (keypoints[name].x, keypoints[name].y) for name in names if name in keypoints}
    sleap_instance = sleap_io.Instance.from_numpy(
        [points.get(name, (float("nan"), float("nan"))) for name in names], skeleton=skeleton
    )
    for i, name in enumerate(names):
        if name in keypoints:
            sleap_instance.points["visible"][i] = keypoints[name].visibility == VISIBLE
    return sleap_instance
