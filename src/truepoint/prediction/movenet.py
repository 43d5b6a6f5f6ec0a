"""MoveNet MultiPose, a model that detects up to six people. It runs in Node; `make model` installs it in a checkout.

The input is an RGB image with 32-bit values from 0 to 255; its sides are multiples of 32. The output is six rows of 56
numbers: 17 keypoints as y, x, score; the box as ymin, xmin, ymax, xmax; the person's score. Coordinates are shares of
the input's sides.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from truepoint.formats.labels import Instance
from truepoint.jobs.files import sha256
from truepoint.prediction.model import PredictionError
from truepoint.prediction.onnx_model import instance

NODE = Path(__file__).parent / "node"
PROGRAM = NODE / "movenet.js"
WEIGHTS = NODE / "weights" / "movenet-multipose.bin"
TOPOLOGY = WEIGHTS.with_suffix(".json")
LONGER_SIDE = 512
"""Length of the input's longer side, in pixels. With 256, the model's default, it misses small people."""
MULTIPLE = 32
"""The input's sides must be multiples of this number of pixels."""
LEAST_INSTANCE_SCORE = 0.2
"""Default minimum score of a person."""
MAX_PEOPLE, VALUES_PER_PERSON = 6, 56
"""Rows and columns of the output."""
NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""The model's keypoints in its order, which is COCO's."""


class MoveNet:
    """The model in a Node process, which predicts one image at a time."""

    def __init__(self, least_score: float = LEAST_INSTANCE_SCORE) -> None:
        node = shutil.which("node")
        if node is None or not WEIGHTS.is_file() or not (NODE / "node_modules").is_dir():
            lacking = "no Node.js" if node is None else "no files of the model"
            raise PredictionError(
                f"expected Node.js and MoveNet in {NODE}, got {lacking}; in a checkout, `make model` installs it"
            )
        self._least = least_score
        self.identity: Mapping[str, Any] = {
            "movenet": sha256(WEIGHTS), "longer_side": LONGER_SIDE, "min_instance_score": least_score
        }  # fmt: skip
        self._process = subprocess.Popen(  # noqa: S603 (our own program; both arguments are paths of ours)
            [node, str(PROGRAM), str(TOPOLOGY)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl+C stops the command, which then ends this process
        )

    def predict(self, image: Image.Image, name: str) -> list[Instance]:
        """Return an instance for each person in an image."""
        pixels, gain = model_input(image)
        height, width = pixels.shape[:2]
        process = self._process
        if process.stdin is None or process.stdout is None or process.stderr is None:
            raise PredictionError(f"{name}: expected a running Node process, got one that has ended")
        try:
            process.stdin.write(struct.pack("<II", height, width) + pixels.tobytes())
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = b""
        if not answer:
            message = process.stderr.read().decode(errors="replace").strip()[-500:]
            raise PredictionError(
                f"{name}: expected an answer of the model's process, got its end: {message or 'without a message'}"
            )
        return people(json.loads(answer), (width / gain, height / gain), self._least)

    def close(self) -> None:
        """End the Node process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def model_input(image: Image.Image) -> tuple[np.ndarray[Any, np.dtype[np.uint8]], float]:
    """Return the model's input for an image, and the scale from image pixels to input pixels.

    The input is (height, width, 3). Black pixels on the right and at the bottom extend its sides to multiples of 32.
    """
    gain = LONGER_SIDE / max(image.size)
    inner = max(round(image.width * gain), 1), max(round(image.height * gain), 1)
    size = tuple(-(-side // MULTIPLE) * MULTIPLE for side in inner)
    made = Image.new("RGB", (size[0], size[1]))
    made.paste(image.resize(inner, Image.Resampling.BILINEAR), (0, 0))
    return np.asarray(made, np.uint8), gain


def people(output: Sequence[float], size: tuple[float, float], least_score: float) -> list[Instance]:
    """Return instances for the model's output.

    Args:
        output: 6 x 56 numbers.
        size: width and height that the input covers, in image pixels.
        least_score: people with a lower score are left out.
    """
    rows = np.asarray(output, float)
    if rows.size != MAX_PEOPLE * VALUES_PER_PERSON:
        raise PredictionError(f"expected {MAX_PEOPLE * VALUES_PER_PERSON} numbers of the model, got {rows.size}")
    made = []
    for row in rows.reshape(MAX_PEOPLE, VALUES_PER_PERSON):
        if row[55] < least_score:
            continue
        points = row[:51].reshape(17, 3)[:, [1, 0, 2]] * np.array([size[0], size[1], 1])
        top, left, bottom, right = row[51:55] * np.array([size[1], size[0], size[1], size[0]])
        made.append(instance(NAMES, points, float(row[55]), [left, top, right - left, bottom - top]))
    return made
