"""Decoding of the output tensors of common pose models to keypoints with scores, without images or model files."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MAX_OVERLAP = 0.7
"""Maximum intersection over union of two boxes in non-maximum suppression. Above it, boxes count as one subject. The
value is Ultralytics' default for predictions."""


class Detections(NamedTuple):
    """Detected subjects, in pixels of the model's input.

    Attributes:
        boxes: (n, 4): x, y, width, height.
        scores: (n,).
        keypoints: (n, k, 3): x, y, score.
    """

    boxes: Floats
    scores: Floats
    keypoints: Floats


def yolo_pose(output: Floats, keypoints: int, least_score: float) -> Detections:
    """Decode the YOLO-pose output for one image.

    Without non-maximum suppression in the model, the output is (4 + classes + values, candidates) and boxes are centre
    and size. With it (YOLO26, or exported with `nms=True`), the output is (candidates, 6 + values) and boxes are two
    corners.

    Args:
        output: the tensor without its batch dimension.
        keypoints: the number of keypoints; 0 decodes boxes only.
        least_score: subjects with a lower score are left out.

    Raises:
        ValueError: the shape fits neither layout.
    """
    for values in (3 * keypoints, 2 * keypoints):
        if output.ndim == 2 and output.shape[1] == 6 + values and output.shape[0] != 5 + values:
            return _after_suppression(output, keypoints, least_score)
        # A pose model has one class: 4 values of the box, 1 score, then keypoints. A detector may have several classes,
        # of which only the first is used.
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
    rows = rows[(rows[:, 4] >= least_score) & (rows[:, 4] > 0)]  # unused rows are filled with zeros
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


def suppressed(boxes: Floats, scores: Floats, overlap: float = MAX_OVERLAP) -> NDArray[np.intp]:
    """Return the indices of boxes that remain after non-maximum suppression, in descending order of score.

    Args:
        boxes: (n, 4): x, y, width, height.
        scores: (n,).
        overlap: maximum intersection over union with a box of higher score.
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
    """Decode the SimCC output (RTMPose) for one subject.

    Args:
        x: (keypoints, width * ratio).
        y: (keypoints, height * ratio).
        size: width and height of the model's input, in pixels.

    Returns:
        (keypoints, 3): x and y in pixels of the model's input, and the score, which is the lesser of both maxima.
    """
    columns, rows = np.argmax(x, axis=1), np.argmax(y, axis=1)
    score = np.minimum(np.max(x, axis=1), np.max(y, axis=1))
    return np.stack([columns * size[0] / x.shape[1], rows * size[1] / y.shape[1], score], axis=1).astype(float)


def heatmaps(output: Floats, size: tuple[int, int], *, unbiased: bool) -> Floats:
    """Decode the heatmaps for one subject, with subpixel refinement.

    Args:
        output: the heatmaps, (keypoints, height, width).
        size: width and height of the model's input, in pixels.
        unbiased: True if the centres of the first and last pixels of heatmap and input coincide (UDP, with which
            ViTPose is trained); the maximum is refined by a parabola through the logarithms (DARK, arXiv 1910.06278).
            False if the heatmap is a reduced image (HRNet); the maximum is moved a quarter of a heatmap pixel towards
            its larger neighbour.

    Returns:
        (keypoints, 3): x and y in pixels of the model's input, and the maximum of the heatmap.
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
    """Return the offset, in pixels, of a quarter of a pixel from the maximum at `at` towards its larger neighbour."""
    if not 0 < at < len(line) - 1:
        return 0.0
    return 0.25 * float(np.sign(line[at + 1] - line[at - 1]))


def _parabola(line: Floats, at: int) -> float:
    """Return the offset, in pixels, from `at` to the peak of a parabola.

    The parabola goes through the logarithms of the maximum at `at` and its two neighbours.
    """
    if not 0 < at < len(line) - 1:
        return 0.0
    before, middle, after = np.log(np.maximum(line[at - 1 : at + 2], 1e-10))
    bend = before - 2 * middle + after
    return float(np.clip((before - after) / (2 * bend), -0.5, 0.5)) if bend < 0 else 0.0
