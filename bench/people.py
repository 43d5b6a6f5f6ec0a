"""Simulated people with known keypoints for the benches: jointed bodies in 3D, seen from all sides.

They use none of the code that the benches measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

NAMES = (
    "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle",
)  # fmt: skip
"""COCO's keypoints in COCO's order."""
SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
"""COCO's sigmas: the root mean square distance of workers from the truth, as a share of the square root of the area."""
LEAST_NOISE = 0.7
"""Minimum standard deviation of each coordinate of a worker's labels, in pixels."""
BOX_TO_AREA = 0.53
KINDS = ("standing", "walking", "running", "seated", "crouching", "reaching", "bending", "lying")
KIND_SHARES = (0.32, 0.2, 0.1, 0.14, 0.06, 0.08, 0.05, 0.05)


@dataclass(frozen=True)
class Person:
    """A person in an image.

    Attributes:
        places: true keypoints (17, 2), in pixels.
        visibility: COCO's v (17,).
        s: the square root of the area, in pixels.
        view: `front`, `side` or `back`.
        kind: the posture, one of KINDS.
    """

    places: Vector
    visibility: NDArray[np.int64]
    s: float
    view: str
    kind: str

    @property
    def face(self) -> bool:
        """Whether the nose and an eye or ear are visible."""
        return bool(self.visibility[0] == 2 and (self.visibility[1:5] == 2).any())


def _turn(axis: int, degrees: float) -> Vector:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    a, b = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[a, a], matrix[a, b], matrix[b, a], matrix[b, b] = c, -s, s, c
    return matrix


def _unit(v: Vector) -> Vector:
    return v / np.linalg.norm(v)


def _limb(rng: np.random.Generator, upper: Vector, bend: Vector, flex: float) -> Vector:
    """Return the direction of a forearm or shin: that of the upper limb, bent by `flex` degrees towards `bend`."""
    across = bend - upper * (bend @ upper)
    across = _unit(across + rng.normal(0, 0.05, 3))
    return _unit(upper * np.cos(np.radians(flex)) + across * np.sin(np.radians(flex)))


def body(rng: np.random.Generator, kind: str) -> tuple[Vector, Vector]:
    """Return keypoints (17, 3) in metres, and the rotation matrix of the head.

    x points to the person's left, y up, z forward. The origin is between the hips.
    """
    build = rng.normal(1, 0.06, 8).clip(0.8, 1.2)
    lean = {"running": 15, "seated": 8, "crouching": 30, "bending": 65}.get(kind, 4) + rng.normal(0, 7)
    trunk = _turn(1, rng.normal(0, 12)) @ _turn(2, rng.normal(0, 5)) @ _turn(0, lean)
    head = trunk @ _turn(0, -0.6 * lean + rng.normal(0, 12)) @ _turn(1, rng.normal(0, 25))
    neck = trunk @ np.array([0, 0.5 * build[0], 0])
    skull = neck + trunk @ np.array([0, 0.1, 0.02]) + head @ np.array([0, 0.1, 0.03])
    p = np.zeros((17, 3))
    for i, at in enumerate(
        [(0, -0.01, 0.11), (0.032, 0.03, 0.085), (-0.032, 0.03, 0.085), (0.075, 0.01, 0), (-0.075, 0.01, 0)]
    ):
        p[i] = skull + head @ np.array(at)
    stride = rng.normal(0, {"walking": 26, "running": 42}.get(kind, 7))
    for side, sign in ((0, 1), (1, -1)):
        p[5 + side] = neck + trunk @ np.array([sign * 0.19 * build[1], 0, 0])
        p[11 + side] = np.array([sign * 0.105 * build[2], 0, 0])
        forward, outward = _arm(rng, kind, -sign * stride)
        upper = trunk @ _turn(2, sign * outward) @ _turn(0, -forward) @ np.array([0, -1, 0])
        flex = abs(rng.normal(25, 30)) if kind != "running" else rng.normal(85, 20)
        bend = trunk @ np.array([-sign * rng.normal(0.4, 0.5), 0.2, 1.0])
        p[7 + side] = p[5 + side] + 0.29 * build[3] * upper
        p[9 + side] = p[7 + side] + 0.25 * build[4] * _limb(rng, upper, bend, min(flex, 145))
        thigh_forward, thigh_out, knee = _leg(rng, kind, sign * stride)
        thigh = _turn(2, sign * thigh_out) @ _turn(0, -thigh_forward) @ np.array([0, -1, 0])
        p[13 + side] = p[11 + side] + 0.43 * build[5] * thigh
        p[15 + side] = p[13 + side] + 0.42 * build[6] * _limb(rng, thigh, np.array([0, -0.3, -1.0]), knee)
    return p, head


def _arm(rng: np.random.Generator, kind: str, swing: float) -> tuple[float, float]:
    """Return the angles of an upper arm, forward and outward, in degrees."""
    if kind == "reaching" or rng.random() < 0.15:
        return rng.uniform(20, 170), rng.normal(10, 25)
    if rng.random() < 0.1:
        return rng.normal(0, 20), rng.uniform(40, 150)
    return 0.8 * swing + rng.normal(5, 14), abs(rng.normal(10, 8))


def _leg(rng: np.random.Generator, kind: str, swing: float) -> tuple[float, float, float]:
    """Return the angles of a thigh, forward and outward, and of the knee, in degrees."""
    if kind == "seated":
        return rng.normal(82, 10), rng.normal(8, 10), rng.normal(80, 18)
    if kind == "crouching":
        return rng.normal(95, 15), rng.normal(15, 10), rng.normal(115, 15)
    crossed = rng.random() < 0.06  # crossed legs are not an error
    return swing + rng.normal(0, 5), -9.0 if crossed else rng.normal(4, 4), abs(rng.normal(6 + max(0, -swing), 10))


def person(rng: np.random.Generator) -> Person:
    """Return a random person: the true keypoints in the image, and which of them are visible."""
    kind = str(rng.choice(KINDS, p=KIND_SHARES))
    joints, head = body(rng, kind)
    yaw, pitch = rng.uniform(-180, 180), rng.normal(6, 9)
    roll = rng.choice([-90, 90]) + rng.normal(0, 15) if kind == "lying" else rng.normal(0, 4)
    camera = _turn(2, roll) @ _turn(0, pitch) @ _turn(1, yaw)
    joints_in_camera, skull = joints @ camera.T, camera @ head
    depth = rng.uniform(2.5, 12) - joints_in_camera[:, 2]
    flat = np.stack([joints_in_camera[:, 0], -joints_in_camera[:, 1]], axis=1) / depth[:, None]
    flat *= np.exp(rng.uniform(np.log(45), np.log(600))) / np.ptp(flat, axis=0).max()
    side_away = abs(((yaw + 180) % 360) - 180)
    view = "front" if side_away < 50 else "back" if side_away > 130 else "side"
    visibility = _visible(rng, joints_in_camera, skull)
    extent = np.maximum(np.ptp(flat, axis=0), 0.05 * np.ptp(flat, axis=0).max())
    return Person(flat, visibility, float(np.sqrt(BOX_TO_AREA * extent.prod())), view, kind)


def _visible(rng: np.random.Generator, joints_in_camera: Vector, skull: Vector) -> NDArray[np.int64]:
    v = np.full(17, 2)
    outward = [(0, 0, 1), (0.5, 0, 0.85), (-0.5, 0, 0.85), (0.95, 0, 0.1), (-0.95, 0, 0.1)]
    for i, normal in enumerate(outward):
        if (skull @ np.array(normal))[2] < rng.normal(-0.05 if i else -0.15, 0.05):
            v[i] = 0 if rng.random() < 0.75 else 1
    # The trunk hides what is behind it: in a side view the far arm and hip, in a back view folded hands.
    trunk = joints_in_camera[[5, 6, 11, 12]]
    low, high, middle = trunk.min(axis=0), trunk.max(axis=0), trunk[:, 2].mean()
    for i in range(5, 17):
        inside = (low[:2] - 0.03 < joints_in_camera[i, :2]).all() and (joints_in_camera[i, :2] < high[:2] + 0.03).all()
        if inside and joints_in_camera[i, 2] < middle - 0.06:
            v[i] = 1 if rng.random() < 0.75 else 0
    if rng.random() < 0.12:  # a table, a car, another person
        v[13:17] = 0
        if rng.random() < 0.5:
            v[11:13] = np.minimum(v[11:13], 1)
    v[rng.random(17) < 0.02] = 0
    v[(rng.random(17) < 0.04) & (v == 2)] = 1
    return v


def spread(subject: Person) -> Vector:
    """Return the standard deviation (17,) of each coordinate of a careful worker's labels, in pixels.

    It is larger for occluded keypoints.

    COCO defines sigma by the distance, E[d^2 / s^2] = sigma^2 (https://cocodataset.org/#keypoints-eval), and the
    squares of both coordinates add up to d^2.
    """
    return np.maximum(SIGMAS * subject.s / np.sqrt(2), LEAST_NOISE) * np.where(subject.visibility == 1, 1.5, 1)


def labelled(rng: np.random.Generator, subject: Person) -> Vector:
    """Return the keypoints (17, 2) that a careful worker labels, in pixels."""
    return subject.places + rng.normal(0, 1, (17, 2)) * spread(subject)[:, None]
