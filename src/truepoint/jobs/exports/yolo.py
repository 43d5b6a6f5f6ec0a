"""Export to Ultralytics YOLO pose labels.

Format: https://docs.ultralytics.com/datasets/pose/

`labels/<part>/<image>.txt` has one row per instance: class, box centre and size, then x, y and visibility of every
keypoint. Coordinates are shares of the image's size. Pictures belong in `images/<part>/`, under their paths in
`images.csv`. The part is `train` if the set is not split. Ultralytics replaces the last `images` of a picture's path by
`labels` to find its labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from truepoint.jobs.exports.finished import COMMENTS, DataSet, ExportError, ExportImage, Notes
from truepoint.pose.instance import Instance
from truepoint.pose.similarity import extent
from truepoint.pose.skeleton import Skeleton

WHOLE = "train"
"""Name of the only part of a set that is not split."""
DIGITS = 9
"""Decimal places of a coordinate. In an image that is 1,000 pixels wide, the last is a millionth of a pixel."""
_NOT_PLAIN = re.compile(r"[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def write(data: DataSet, out: Path, images: Iterable[ExportImage]) -> Notes:
    """Write labels and data.yaml below `out`, and copy the pictures."""
    notes: Notes = Notes()
    for part in data.split_names or (WHOLE,):
        (out / "images" / part).mkdir(parents=True)
        (out / "labels" / part).mkdir(parents=True)
    for image in images:
        part = image.split or WHOLE
        if image.size is None:
            notes["images left out: their size is unknown"] += 1
            continue
        notes[COMMENTS] += image.comments
        file = out / "labels" / part / Path(image.path).with_suffix(".txt")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(_rows(image.instances, image.size, data.skeleton, notes)), encoding="ascii")
        data.copy_picture(image, out / "images" / part / image.path)
    text = data_yaml(data.skeleton, data.split_names, with_pictures=bool(data.pictures))
    (out / "data.yaml").write_text(text, encoding="utf-8")
    return notes


def data_yaml(skeleton: Skeleton, splits: Sequence[str] = (), *, with_pictures: bool = False) -> str:
    """Return data.yaml, with the members `node_names` and `skeleton` for sleap-io.

    Args:
        skeleton: names, edges, flips and sigmas of the keypoints.
        splits: the parts of the set; empty if it is not split.
        with_pictures: whether the export contains the pictures; if not, a comment says where to put them.

    Raises:
        ExportError: two flips would not restore the order of the keypoints.
    """
    flips = list(skeleton.flip_indices)
    if [flips[i] for i in flips] != list(range(len(flips))):
        raise ExportError(f"expected a flip_idx that is its own inverse, got {flips}")
    index = skeleton.keypoint_index
    names = [_text(name) for name in skeleton.keypoint_names]
    parts = list(splits) or [WHOLE]
    # Ultralytics requires both keys. A set without a part for validation is validated on its first part.
    validation = [part for part in ("val", "valid", "validation", "dev") if part in parts]
    folders = {"train": parts[0], "val": [*validation, parts[0]][0]} | {part: part for part in parts}
    hints = []
    if not with_pictures:
        hints.append(
            f"# Copy the images to {', '.join(f'images/{part}' for part in parts)}; images.csv has their names."
        )
    if not splits:
        hints.append("# To validate on other images than it trains on, export with --split.")
    lines = [
        *hints,
        # No `path`: Ultralytics then starts from this file's folder, wherever it is. The dot is for sleap-io, which
        # looks for "/images" to find the labels.
        *(f"{part}: ./images/{folder}" for part, folder in folders.items()),
        f"names: {{0: {_text(skeleton.name)}}}",
        f"kpt_shape: [{len(flips)}, 3]",
        f"flip_idx: {flips}",
        f"kpt_names: {{0: [{', '.join(names)}]}}",
        f"kpt_oks_sigmas: {list(skeleton.sigmas)}",
        f"node_names: [{', '.join(names)}]",
        f"skeleton: {[[index[a], index[b]] for a, b, *_ in skeleton.edges]}",
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a YAML string in double quotes: a JSON string that also escapes characters YAML would fold or refuse."""
    return _NOT_PLAIN.sub(lambda character: f"\\u{ord(character[0]):04x}", json.dumps(value, ensure_ascii=False))


def _rows(instances: Iterable[Instance], size: tuple[int, int], skeleton: Skeleton, notes: Notes) -> Iterable[str]:
    width, height = size
    for instance in instances:
        box_and_source = extent(instance)
        if box_and_source is None:
            notes["instances left out: they have neither a keypoint nor a box"] += 1
            continue
        box = box_and_source[0]
        left, top = _share(box[0], width), _share(box[1], height)
        right, bottom = _share(box[0] + box[2], width), _share(box[1] + box[3], height)
        if left >= right or top >= bottom:
            notes["instances left out: they are outside the image"] += 1
            continue
        values = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top]
        row = ["0", *(f"{value:.{DIGITS}f}" for value in values)]
        keypoints = instance.by_label
        for name in skeleton.keypoint_names:
            k = keypoints.pop(name, None)
            if k is None:
                row += ["0", "0", "0"]
                continue
            x, y = _share(k.x, width), _share(k.y, height)
            if (x, y) != (k.x / width, k.y / height):
                notes["keypoints moved to the image's edge"] += 1
            row += [f"{x:.{DIGITS}f}", f"{y:.{DIGITS}f}", str(k.visibility)]
        notes["keypoints left out: the skeleton does not have them"] += len(keypoints)
        notes["names of instances left out"] += bool(instance.name)
        yield " ".join(row) + "\n"


def _share(value: float, whole: int) -> float:
    return min(max(value / whole, 0.0), 1.0)
