"""Pose models in ONNX files, run on the CPU: one-stage models (YOLO-pose) and top-down models (SimCC, heatmaps).

The number and the dimensions of the output tensors determine the type of a model. The first input is the image,
whatever its name is: projects use different names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from truepoint.formats.labels import Instance
from truepoint.jobs.files import sha256
from truepoint.prediction import decoding
from truepoint.prediction.decoding import Detections
from truepoint.prediction.geometry import Floats, Size, crop, letterbox
from truepoint.prediction.model import PredictionError

MEAN = np.array([123.675, 116.28, 103.53])
DEVIATION = np.array([58.395, 57.12, 57.375])
"""ImageNet's mean and standard deviation of R, G and B from 0 to 255, with which MMPose, RTMPose and ViTPose normalise
images."""
LEAST_INSTANCE_SCORE = 0.25
"""Default minimum score of a subject, the same as Ultralytics' default for predictions."""
DEFAULT_INPUT_SIDE = 640
"""Side of the input, in pixels, of a model that accepts any size. The value is Ultralytics' default."""

Boxes = Mapping[str, Sequence[tuple[float, float, float, float]]]
"""x, y, width, height of the subjects, by image name."""


def open_session(path: Path) -> Any:
    """Return an ONNX Runtime session for a model file.

    Raises:
        PredictionError: onnxruntime is not installed, or it cannot run the file.
        FileNotFoundError: the file does not exist.
    """
    try:
        import onnxruntime  # noqa: PLC0415 (an optional package that only ONNX models need)
    except ImportError as error:
        raise PredictionError(
            "expected the package onnxruntime, which runs ONNX models, got none; pip install 'truepoint[onnx]'"
        ) from error
    if not path.is_file():
        raise FileNotFoundError(f"expected an ONNX file, got {str(path)!r}, which is no file")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors only: warnings about graph nodes do not help the user
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many exception types for unusable files
        raise PredictionError(f"{path}: expected an ONNX model, got something else: {error}") from error


def input_size(session: Any, path: Path) -> Size:
    """Return width and height in pixels of the first input, whose shape is (batch, 3, height, width)."""
    shape = session.get_inputs()[0].shape
    if len(shape) != 4 or shape[1] != 3:
        raise PredictionError(f"{path}: expected an input of (batch, 3, height, width), got {shape}")
    height, width = (side if isinstance(side, int) else DEFAULT_INPUT_SIDE for side in shape[2:])
    return width, height


def run_session(session: Any, batch: Floats, path: Path) -> list[Floats]:
    """Run the model and return its outputs.

    Args:
        session: from `open_session`.
        batch: the input, (n, 3, height, width).
        path: the model file, for the message.

    Raises:
        PredictionError: the model failed.
    """
    dtype = np.float16 if "float16" in session.get_inputs()[0].type else np.float32
    try:
        return list(session.run(None, {session.get_inputs()[0].name: batch.astype(dtype)}))
    except Exception as error:  # as in `open_session`
        raise PredictionError(f"{path}: the model failed: {error}") from error


class OneStage:
    """A YOLO-pose model, which returns all subjects of a letterboxed image. Without keypoint names it is a detector."""

    def __init__(self, path: Path, session: Any, names: Sequence[str], least_score: float) -> None:
        self._path, self._session, self._names, self._least = path, session, tuple(names), least_score
        self._size = input_size(session, path)
        self.identity: Mapping[str, Any] = {
            "onnx": sha256(path), "layout": "yolo-pose", "keypoints": list(names), "min_instance_score": least_score
        }  # fmt: skip

    def detect(self, image: Image.Image) -> Detections:
        """Return the subjects in an image, in its pixels."""
        boxed, transform = letterbox(image, self._size)
        batch = np.asarray(boxed, float).transpose(2, 0, 1)[None] / 255
        output = run_session(self._session, batch, self._path)[0][0]
        try:
            detections = decoding.yolo_pose(output, len(self._names), self._least)
        except ValueError as error:
            raise PredictionError(f"{self._path}: {error}") from error
        corners = transform.to_image(detections.boxes[:, :2])
        boxes = np.concatenate([corners, detections.boxes[:, 2:] * np.array(transform.scale)], axis=1)
        points = np.concatenate(
            [transform.to_image(detections.keypoints[..., :2]), detections.keypoints[..., 2:]], axis=2
        )
        return Detections(boxes, detections.scores, points)

    def predict(self, image: Image.Image, _name: str) -> list[Instance]:
        """Return the instances in an image."""
        detections = self.detect(image)
        return [
            instance(self._names, points, float(score), box.tolist())
            for box, score, points in zip(detections.boxes, detections.scores, detections.keypoints, strict=True)
        ]

    def close(self) -> None:
        """Do nothing."""


class TopDown:
    """A model that predicts one subject in a crop: SimCC (two outputs) or heatmaps (one output).

    The crop is around a box from a detector or from a file. Without both, it is the whole image.
    """

    def __init__(
        self,
        path: Path,
        session: Any,
        names: Sequence[str],
        *,
        boxes: Boxes | None = None,
        detector: OneStage | None = None,
        unbiased: bool = True,
    ) -> None:
        self._path, self._session, self._names = path, session, tuple(names)
        self._boxes, self._detector, self._unbiased = boxes, detector, unbiased
        self._size = input_size(session, path)
        self._is_simcc = len(session.get_outputs()) == 2
        self.identity: Mapping[str, Any] = {
            "onnx": sha256(path),
            "layout": "simcc" if self._is_simcc else "heatmap",
            "keypoints": list(names),
            "unbiased": unbiased,
            "detector": None if detector is None else detector.identity,
            "boxes": None if boxes is None else {name: list(map(list, given)) for name, given in boxes.items()},
        }

    def predict(self, image: Image.Image, name: str) -> list[Instance]:
        """Return an instance for each box of the image."""
        if self._detector is not None:
            detections = self._detector.detect(image)
            pairs = list(zip(detections.boxes.tolist(), detections.scores.tolist(), strict=True))
        elif self._boxes is not None:
            pairs = [(list(box), None) for box in self._boxes.get(name, ())]
        else:
            pairs = [([0.0, 0.0, float(image.width), float(image.height)], None)]
        made = []
        for box, score in pairs:
            points = self._points(image, (box[0], box[1], box[2], box[3]))
            made.append(instance(self._names, points, float(points[:, 2].mean()) if score is None else score, box))
        return made

    def _points(self, image: Image.Image, box: tuple[float, float, float, float]) -> Floats:
        cut, transform = crop(image, box, self._size)
        batch = ((np.asarray(cut, float) - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        outputs = [np.asarray(output[0], float) for output in run_session(self._session, batch, self._path)]
        for output in outputs:
            if output.ndim != (2 if self._is_simcc else 3) or len(output) != len(self._names):
                raise PredictionError(
                    f"{self._path}: expected an output for {len(self._names)} keypoints, got {output.shape}"
                )
        if self._is_simcc:
            points = decoding.simcc(outputs[0], outputs[1], self._size)
        else:
            points = decoding.heatmaps(outputs[0], self._size, unbiased=self._unbiased)
        points[:, :2] = transform.to_image(points[:, :2])
        return points

    def close(self) -> None:
        """Do nothing."""


def instance(names: Sequence[str], points: Floats, score: float, box: Sequence[float] | None) -> Instance:
    """Return an instance in the format of docs/formats.md.

    Args:
        names: the keypoints' names.
        points: (k, 3): x, y, score. Keypoints with a score of 0 or less are left out.
        score: the instance's score.
        box: x, y, width, height; None for no box.
    """
    made: Instance = {
        "annotations": [
            {"label": name, "x": float(x), "y": float(y), "score": min(float(s), 1.0)}
            for name, (x, y, s) in zip(names, points, strict=True)
            if s > 0
        ],
        "score": score,
    }
    return made if box is None else made | {"box": [float(side) for side in box]}


def open_onnx(
    path: Path,
    names: Sequence[str],
    *,
    least_score: float = LEAST_INSTANCE_SCORE,
    boxes: Boxes | None = None,
    detector: Path | None = None,
    unbiased: bool = True,
) -> OneStage | TopDown:
    """Return the model in an ONNX file.

    One output with three dimensions is a one-stage model, one with four dimensions is heatmaps, and two with three
    dimensions are SimCC.

    Args:
        path: the file.
        names: keypoint names, in the model's order.
        least_score: subjects with a lower score from a one-stage model or a detector are left out.
        boxes: boxes of the subjects, for a top-down model.
        detector: an ONNX file with a YOLO detector, for a top-down model.
        unbiased: see `decoding.heatmaps`.

    Raises:
        PredictionError: onnxruntime is not installed, or the file is not one of these models.
    """
    session = open_session(path)
    shapes = [output.shape for output in session.get_outputs()]
    if [len(shape) for shape in shapes] == [3]:
        if boxes is not None or detector is not None:
            raise PredictionError(
                f"{path}: expected no --boxes and no --detector with a one-stage model, got one of them; leave it out"
            )
        return OneStage(path, session, names, least_score)
    if [len(shape) for shape in shapes] not in ([4], [3, 3]):
        raise PredictionError(
            f"{path}: expected outputs of a pose model (one of 3 dimensions: YOLO-pose; two of 3: SimCC; one of 4: "
            f"heatmaps), got {shapes}"
        )
    one_stage = None if detector is None else OneStage(detector, open_session(detector), (), least_score)
    return TopDown(path, session, names, boxes=boxes, detector=one_stage, unbiased=unbiased)
