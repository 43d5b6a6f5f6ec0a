"""Tensors of common pose models, as their projects document them, to keypoints with scores. Arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

OVERLAP = 0.7
"""Boxes that overlap more are of one subject; Ultralytics' default for predictions."""


class Detections(NamedTuple):
    """Subjects in pixels of the model's input.

    Boxes are (n, 4): x, y, width, height. Scores are (n). Keypoints are (n, k, 3): x, y, score.
    """

    boxes: Floats
    scores: Floats
    keypoints: Floats


def yolo_pose(output: Floats, keypoints: int, least_score: float) -> Detections:
    """Read YOLO-pose output of one image.

    Before non-maximum suppression it is (4 + classes + values, candidates) with centre boxes; after it, as of YOLO26
    and `nms=True`, (candidates, 6 + values) with corner boxes.

    Args:
        output: the tensor without its batch dimension.
        keypoints: the number of keypoints; 0 reads boxes alone.
        least_score: subjects with a lower score are left out.

    Raises:
        ValueError: the shape fits neither layout.
    """
    for values in (3 * keypoints, 2 * keypoints):
        if output.ndim == 2 and output.shape[1] == 6 + values and output.shape[0] != 5 + values:
            return _after_suppression(output, keypoints, least_score)
        # One class: (4 box, 1 score, values). Boxes alone may have several classes, of which the first counts.
        if output.ndim == 2 and (output.shape[0] == 5 + values or (keypoints == 0 and output.shape[0] > 5)):
            return _before_suppression(output, keypoints, least_score)
    wanted = f"({5 + 3 * keypoints}, candidates) or (candidates, {6 + 3 * keypoints})"
    raise ValueError(f"expected an output of {wanted} for {keypoints} keypoints, got {output.shape}")


def _before_suppression(output: Floats, keypoints: int, least_score: float) -> Detections:
    rows = np.asarray(output, float).T
    rows = rows[rows[:, 4] >= least_score]
    boxes = np.concatenate([rows[:, :2] - rows[:, 2:4] / 2, rows[:, 2:4]], axis=1)
    first = 5 if keypoints else rows.shape[1]
    kept = suppressed(boxes, rows[:, 4])
    return Detections(boxes[kept], rows[kept, 4], _triples(rows[kept, first:], keypoints))


def _after_suppression(output: Floats, keypoints: int, least_score: float) -> Detections:
    rows = np.asarray(output, float)
    rows = rows[(rows[:, 4] >= least_score) & (rows[:, 4] > 0)]  # the rest of a fixed number of rows is zero
    if not keypoints:
        rows = rows[rows[:, 5] == 0]
    boxes = np.concatenate([rows[:, :2], rows[:, 2:4] - rows[:, :2]], axis=1)
    return Detections(boxes, rows[:, 4], _triples(rows[:, 6:], keypoints))


def _triples(values: Floats, keypoints: int) -> Floats:
    if not keypoints:
        return np.zeros((len(values), 0, 3))
    points = values.reshape(len(values), keypoints, -1)
    if points.shape[2] == 2:  # a model without visibility
        points = np.concatenate([points, np.ones((*points.shape[:2], 1))], axis=2)
    return points


def suppressed(boxes: Floats, scores: Floats, overlap: float = OVERLAP) -> NDArray[np.intp]:
    """Return the indices of boxes that no better box overlaps too much, the best first.

    The overlap is intersection over union.
    """
    order = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    area = boxes[:, 2] * boxes[:, 3]
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[order, :2])
        high = np.minimum(boxes[best, :2] + boxes[best, 2:], boxes[order, :2] + boxes[order, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        union = area[best] + area[order] - shared
        order = order[shared <= overlap * union]
    return np.array(kept, np.intp)


def simcc(x: Floats, y: Floats, size: tuple[int, int]) -> Floats:
    """Read SimCC output of one subject (RTMPose): (keypoints, width * ratio) and (keypoints, height * ratio).

    Returns:
        (keypoints, 3): x, y in pixels of the model's input of `size`, and a score, the lesser of both maxima.
    """
    columns, rows = np.argmax(x, axis=1), np.argmax(y, axis=1)
    score = np.minimum(np.max(x, axis=1), np.max(y, axis=1))
    return np.stack([columns * size[0] / x.shape[1], rows * size[1] / y.shape[1], score], axis=1).astype(float)


def heatmaps(output: Floats, size: tuple[int, int], *, unbiased: bool) -> Floats:
    """Read heatmaps of one subject: (keypoints, height, width), refined below one pixel.

    Args:
        output: the heatmaps.
        size: width and height of the model's input.
        unbiased: the first and last pixels of heatmap and input coincide (UDP, as ViTPose is trained) and the maximum
            is refined by a parabola through the logarithms (DARK, arXiv 1910.06278). Else the heatmap is a reduced
            image and the maximum moves a quarter of a pixel to its larger neighbour (HRNet).

    Returns:
        (keypoints, 3): x, y in pixels of the model's input, and the maximum.
    """
    count, height, width = output.shape
    flat = output.reshape(count, -1)
    at = np.argmax(flat, axis=1)
    rows, columns = np.divmod(at, width)
    score = flat[np.arange(count), at]
    refine = _parabola if unbiased else _quarter
    x = np.array([c + refine(h[r, :], c) for h, r, c in zip(output, rows, columns, strict=True)], float)
    y = np.array([r + refine(h[:, c], r) for h, r, c in zip(output, rows, columns, strict=True)], float)
    across, down = (size[0] / width, size[1] / height)
    if unbiased:
        across, down = (size[0] - 1) / (width - 1), (size[1] - 1) / (height - 1)
    return np.stack([x * across, y * down, score], axis=1)


def _quarter(line: Floats, at: int) -> float:
    """Return a quarter of a pixel towards the larger neighbour of a maximum."""
    if not 0 < at < len(line) - 1:
        return 0.0
    return 0.25 * float(np.sign(line[at + 1] - line[at - 1]))


def _parabola(line: Floats, at: int) -> float:
    """Return where the peak of a parabola through the logarithms of a maximum and its neighbours is, from `at`."""
    if not 0 < at < len(line) - 1:
        return 0.0
    before, middle, after = np.log(np.maximum(line[at - 1 : at + 2], 1e-10))
    bend = before - 2 * middle + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
