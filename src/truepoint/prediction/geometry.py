"""Conversion of an image to a model's input, and of coordinates back to the image: letterbox and crop.

Both use `image = model * scale + origin` for x and for y, without rounding. Ultralytics and MMPose train and decode
with the same formula, so a coordinate is converted without a shift of half a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Size = tuple[int, int]
"""Width and height, in pixels."""

LETTERBOX_GREY = (114, 114, 114)
"""Colour of a letterbox's margins in RGB, the same as in Ultralytics' training."""
PADDING = 1.25
"""Ratio of a crop's side to the box's side, the default of MMPose's `GetBBoxCenterScale`."""


@dataclass(frozen=True, slots=True)
class Transform:
    """A mapping of coordinates: `image = model * scale + origin`, for x and y, in pixels."""

    scale: tuple[float, float]
    origin: tuple[float, float]

    def to_image(self, points: Floats) -> Floats:
        """Convert points (…, 2) from pixels of the model's input to pixels of the image."""
        return np.add(np.multiply(points, self.scale), self.origin)


def letterbox(image: Image.Image, size: Size) -> tuple[Image.Image, Transform]:
    """Return the image scaled to fit `size` without distortion and centred between grey margins, and its transform."""
    gain = min(size[0] / image.width, size[1] / image.height)
    inner = max(round(image.width * gain), 1), max(round(image.height * gain), 1)
    # As in Ultralytics: if the margins' sum is odd, the left and upper margins are the smaller ones.
    left, top = (round((whole - part) / 2 - 0.1) for whole, part in zip(size, inner, strict=True))
    made = Image.new("RGB", size, LETTERBOX_GREY)
    made.paste(image.resize(inner, Image.Resampling.BILINEAR), (left, top))
    scale = image.width / inner[0], image.height / inner[1]
    return made, Transform(scale, (-left * scale[0], -top * scale[1]))


def crop(
    image: Image.Image, box: tuple[float, float, float, float], size: Size, padding: float = PADDING
) -> tuple[Image.Image, Transform]:
    """Return the part of the image around a box, scaled to `size`, and its transform. Pixels outside are black.

    Args:
        image: an RGB image.
        box: x, y, width, height in pixels.
        size: width and height of the model's input, in pixels.
        padding: ratio of the crop's side to the box's side.
    """
    x, y, width, height = box
    width, height = width * padding, height * padding
    if width * size[1] > height * size[0]:
        height = width * size[1] / size[0]
    else:
        width = height * size[0] / size[1]
    centre = x + box[2] / 2, y + box[3] / 2
    scale = width / size[0], height / size[1]
    origin = centre[0] - width / 2, centre[1] - height / 2
    # Pillow applies the matrix to pixel centres (index + 0.5), MMPose applies it to pixel indices.
    shift = [o + 0.5 - 0.5 * s for o, s in zip(origin, scale, strict=True)]
    made = image.transform(
        size,
        Image.Transform.AFFINE,
        (scale[0], 0, shift[0], 0, scale[1], shift[1]),
        resample=Image.Resampling.BILINEAR,
    )
    return made, Transform(scale, origin)
