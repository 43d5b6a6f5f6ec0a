"""From an image to a model's input and back: letterbox and crop, without rounding.

Both map coordinates by `image = model * scale + origin` in each direction. Ultralytics and MMPose train and decode with
that rule, so a coordinate of the model goes to the image without a shift of half a pixel.
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
"""Fills the margins of a letterbox; Ultralytics trains with it."""
PADDING = 1.25
"""The crop's side over the box's; MMPose's `GetBBoxCenterScale`."""


@dataclass(frozen=True, slots=True)
class Transform:
    """`image = model * scale + origin`, for x and y."""

    scale: tuple[float, float]
    origin: tuple[float, float]

    def to_image(self, points: Floats) -> Floats:
        """Return points of the model's input, an array (…, 2), in the image's pixels."""
        return np.add(np.multiply(points, self.scale), self.origin)

    def to_model(self, points: Floats) -> Floats:
        """Return points of the image, an array (…, 2), in pixels of the model's input."""
        return np.divide(np.subtract(points, self.origin), self.scale)


def letterbox(image: Image.Image, size: Size) -> tuple[Image.Image, Transform]:
    """Return the image scaled into `size` with its aspect ratio kept and grey margins on both sides."""
    gain = min(size[0] / image.width, size[1] / image.height)
    inner = max(round(image.width * gain), 1), max(round(image.height * gain), 1)
    # The left and upper margins are the smaller ones where the sum is odd, as Ultralytics has it.
    left, top = (round((whole - part) / 2 - 0.1) for whole, part in zip(size, inner, strict=True))
    made = Image.new("RGB", size, LETTERBOX_GREY)
    made.paste(image.resize(inner, Image.Resampling.BILINEAR), (left, top))
    scale = image.width / inner[0], image.height / inner[1]
    return made, Transform(scale, (-left * scale[0], -top * scale[1]))


def crop(
    image: Image.Image, box: tuple[float, float, float, float], size: Size, padding: float = PADDING
) -> tuple[Image.Image, Transform]:
    """Return the part of the image around a box, scaled to `size`; what is beyond the image is black.

    Args:
        image: an RGB image.
        box: x, y, width, height in pixels.
        size: the model's input.
        padding: the crop's side over the box's.
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
    # Pillow maps centres of pixels (x + .5); MMPose's warp maps indices of pixels.
    shift = [o + 0.5 - 0.5 * s for o, s in zip(origin, scale, strict=True)]
    made = image.transform(
        size,
        Image.Transform.AFFINE,
        (scale[0], 0, shift[0], 0, scale[1], shift[1]),
        resample=Image.Resampling.BILINEAR,
    )
    return made, Transform(scale, origin)
