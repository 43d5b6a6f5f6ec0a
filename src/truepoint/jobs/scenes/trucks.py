"""Box trucks as solids in perspective, whose keypoints are known exactly.

Metres; x forward, y to the truck's left, z up, the origin on the ground under the middle of the truck.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from truepoint.jobs.scenes.canvas import Canvas, Color, Point, mix

Place = tuple[float, float, float]

HALF = 1.15  # half the cab's width
BOX_HALF = 1.25
BOX_REAR, BOX_FRONT, CAB_FRONT, GRILLE = -3.6, 1.5, 3.0, 3.7
BOX_LOW, BOX_HIGH, CAB_LOW, CAB_HIGH, HOOD = 0.95, 3.5, 0.55, 2.55, 1.5
FRONT_AXLE, REAR_AXLE, WHEEL, WHEEL_WIDTH = 2.75, -2.3, 0.47, 0.32
GLASS, DARK, LAMP, TAIL = "#a9d3e8", "#2b3036", "#fff3bf", "#d62839"

LIGHT = (0.45, 0.25, 0.86)  # towards the sun, in the truck's own axes: sides stay distinct


class Camera(NamedTuple):
    """A level camera: the horizon is the row at its height."""

    height: float
    focal: float
    center: Point


@dataclass(frozen=True)
class Truck:
    """A truck `distance` metres away and `aside` metres to the right; `yaw` in degrees, 0 shows the rear."""

    number: int
    distance: float
    aside: float
    yaw: float
    cab: Color
    box: Color
    stripe: Color
    camera: Camera

    def seen(self, place: Place) -> Point:
        """Image point of a place on the truck."""
        right, ahead, up = self._world(place)
        scale = self.camera.focal / ahead
        return self.camera.center[0] + right * scale, self.camera.center[1] + (self.camera.height - up) * scale

    def _world(self, place: Place) -> Place:
        """To the right of the camera, ahead of it, above the ground."""
        x, y, z = place
        c, s = math.cos(math.radians(self.yaw)), math.sin(math.radians(self.yaw))
        return self.aside + x * s - y * c, self.distance + x * c + y * s, z

    def _away(self, corners: Sequence[Place]) -> float:
        points = [self._world(p) for p in corners]
        return sum(math.hypot(r, a, z - self.camera.height) for r, a, z in points) / len(points)

    def faces_camera(self, corners: Sequence[Place], normal: Place) -> bool:
        """Whether a flat face with this outward normal turns towards the camera."""
        middle = tuple(sum(p[i] for p in corners) / len(corners) for i in range(3))
        foot, tip = (
            self._world((middle[0], middle[1], middle[2])),
            self._world((middle[0] + normal[0], middle[1] + normal[1], middle[2] + normal[2])),
        )
        outward = [t - f for t, f in zip(tip, foot, strict=True)]
        view = (-foot[0], -foot[1], self.camera.height - foot[2])
        return sum(o * v for o, v in zip(outward, view, strict=True)) > 0

    def draw(self, canvas: Canvas) -> None:
        """Draw the truck from back to front."""
        ground = [self.seen((x, y, 0)) for x, y in ((BOX_REAR, -1.3), (BOX_REAR, 1.3), (GRILLE, 1.3), (GRILLE, -1.3))]
        canvas.polygon(ground, "#3c4046")
        near, far = (1, -1) if self.faces_camera([(0, BOX_HALF, 1)], (0, 1, 0)) else (-1, 1)
        for axle in (REAR_AXLE, FRONT_AXLE):
            self._wheel(canvas, axle, far)
        self._solid(canvas, _cuboid(BOX_REAR + 0.1, GRILLE - 0.4, 0.9, 0.5, BOX_LOW), DARK, "chassis")
        for axle in (REAR_AXLE, FRONT_AXLE):
            self._wheel(canvas, axle, near)
        lower, hood, upper = _cuboid(BOX_FRONT - 0.05, CAB_FRONT, HALF, CAB_LOW, HOOD), _hood(), _upper_cab()
        box = _cuboid(BOX_REAR, BOX_FRONT, BOX_HALF, BOX_LOW, BOX_HIGH)
        shows_front = self.faces_camera([(BOX_FRONT, 0, 2)], (1, 0, 0))
        if shows_front:
            self._box(canvas, box)
        self._mirror(canvas, far)
        for solid in (lower, hood, upper) if shows_front else (hood, lower, upper):
            self._solid(canvas, solid, self.cab, "cab")
        self._cab_details(canvas)
        self._front_wheel_arch(canvas, near)
        self._mirror(canvas, near)
        if not shows_front:
            self._box(canvas, box)

    def _part(self, name: str) -> tuple[int, str]:
        return self.number, name

    def _face(self, canvas: Canvas, corners: Sequence[Place], normal: Place, color: Color, part: str) -> None:
        if self.faces_camera(corners, normal):
            light = sum(n * k for n, k in zip(normal, LIGHT, strict=True)) / math.hypot(*normal)
            shaded = mix(color, "#10151c", 0.24 * (1 - max(-0.1, light)))
            canvas.polygon([self.seen(p) for p in corners], shaded, self._part(part))

    def _solid(self, canvas: Canvas, faces: list[tuple[list[Place], Place]], color: Color, part: str) -> None:
        for corners, normal in sorted(faces, key=lambda face: -self._away(face[0])):
            self._face(canvas, corners, normal, color, part)

    def _box(self, canvas: Canvas, box: list[tuple[list[Place], Place]]) -> None:
        self._solid(canvas, box, self.box, "box")
        for sign in (1, -1):
            y, normal = sign * (BOX_HALF + 0.001), (0.0, float(sign), 0.0)
            for low, high in ((1.55, 2.05), (2.15, 2.28)):
                corners = _upright(BOX_REAR + 0.02, BOX_FRONT - 0.02, y, low, high)
                self._face(canvas, corners, normal, self.stripe, "box")
            rail = _upright(BOX_REAR, BOX_FRONT, y, BOX_LOW, BOX_LOW + 0.1)
            self._face(canvas, rail, normal, "#8d949c", "box")
        x, back = BOX_REAR - 0.001, (-1.0, 0.0, 0.0)
        dark = mix(self.box, "#10151c", 0.35)
        for left, right in ((-0.02, 0.02), (-1.22, -1.17), (1.17, 1.22), (0.38, 0.42), (-0.42, -0.38)):
            self._face(canvas, [(x, left, 1.0), (x, right, 1.0), (x, right, 3.45), (x, left, 3.45)], back, dark, "box")
        bumper = [(x, -1.2, 0.5), (x, 1.2, 0.5), (x, 1.2, 0.92), (x, -1.2, 0.92)]
        self._face(canvas, bumper, back, DARK, "chassis")
        for side, sign in (("left", 1), ("right", -1)):
            a, b = sign * 0.80, sign * 1.15
            lamp: list[Place] = [(x, a, 0.62), (x, b, 0.62), (x, b, 0.82), (x, a, 0.82)]
            self._face(canvas, lamp, back, TAIL, f"{side}_tail_lamp")

    def _cab_details(self, canvas: Canvas) -> None:
        front = (1.0, 0.0, 0.0)
        slope = (1.05, 0.0, 0.30)
        glass: list[Place] = [(_screen(z), y, z) for y, z in ((-0.98, 1.58), (0.98, 1.58), (0.98, 2.42), (-0.98, 2.42))]
        self._face(canvas, glass, slope, GLASS, "cab")
        x = GRILLE + 0.001
        self._face(canvas, _facing(x, -0.62, 0.62, 0.85, 1.3), front, DARK, "cab")
        for z in (0.95, 1.07, 1.19):
            self._face(canvas, _facing(x + 0.001, -0.58, 0.58, z, z + 0.04), front, "#9aa1a9", "cab")
        self._face(canvas, _facing(x, -HALF, HALF, CAB_LOW, 0.76), front, "#596068", "cab")
        for side, sign in (("left", 1), ("right", -1)):
            self._face(canvas, _facing(x, sign * 0.72, sign * 1.08, 0.92, 1.22), front, LAMP, f"{side}_headlamp")
            y, normal = sign * (HALF + 0.001), (0.0, float(sign), 0.0)
            window: list[Place] = [(1.75, y, 1.6), (2.78, y, 1.6), (2.52, y, 2.38), (1.75, y, 2.38)]
            self._face(canvas, window, normal, GLASS, "cab")
            self._face(canvas, _upright(1.70, 1.73, y, 0.7, 2.4), normal, mix(self.cab, "#10151c", 0.4), "cab")
            self._face(canvas, _upright(1.80, 2.0, y, 1.38, 1.44), normal, DARK, "cab")

    def _mirror(self, canvas: Canvas, sign: int) -> None:
        part = "left_mirror" if sign > 0 else "right_mirror"
        arm = [self.seen((2.72, sign * HALF, 2.15)), self.seen((2.85, sign * 1.5, 2.1))]
        canvas.line(arm, 0.05 * self._scale((2.8, sign * 1.3, 2.1)), DARK, self._part("cab"))
        low, high = sorted((sign * 1.38, sign * 1.62))
        self._solid(canvas, _cuboid(2.78, 2.92, (high - low) / 2, 1.75, 2.2, middle=(low + high) / 2), "#3a4149", part)

    def _wheel(self, canvas: Canvas, axle: float, sign: int) -> None:
        outer, inner = sign * 1.2, sign * (1.2 - WHEEL_WIDTH)
        rings = [[self.seen(p) for p in _ring(axle, y, WHEEL)] for y in (inner, outer)]
        for i in range(len(rings[0])):
            tread = (rings[0][i - 1], rings[0][i], rings[1][i], rings[1][i - 1])
            canvas.polygon(tread, "#15181b", self._part("chassis"))
        if self.faces_camera(_ring(axle, outer, WHEEL), (0, sign, 0)):
            self._wheel_face(canvas, axle, sign)
        else:
            canvas.polygon(rings[0], "#1b1f22", self._part("chassis"))

    def _front_wheel_arch(self, canvas: Canvas, sign: int) -> None:
        """The front wheel as it stands out of the cab's side, which was drawn over it."""
        arch, outer = _ring(FRONT_AXLE, sign * (HALF + 0.002), WHEEL + 0.1), _ring(FRONT_AXLE, sign * 1.2, WHEEL)
        if self.faces_camera(outer, (0, sign, 0)):
            low = [(x, y, max(z, CAB_LOW)) for x, y, z in arch]
            canvas.polygon([self.seen(p) for p in low], "#15181b", self._part("chassis"))
            self._wheel_face(canvas, FRONT_AXLE, sign)

    def _wheel_face(self, canvas: Canvas, axle: float, sign: int) -> None:
        part = self._part(_WHEEL_NAMES[axle > 0, sign > 0])
        for radius, color in ((WHEEL, "#24282c"), (0.30, "#c3c9cf"), (0.24, "#8b939b"), (0.09, "#40464d")):
            canvas.polygon([self.seen(p) for p in _ring(axle, sign * 1.2, radius)], color, part)

    def _scale(self, place: Place) -> float:
        return self.camera.focal / self._world(place)[1]

    def keypoints(self, canvas: Canvas) -> list[tuple[str, Point, int]]:
        """Name, place and visibility of all keypoints inside the image, once everything has been drawn."""
        found = []
        for name, (place, part, inward) in _keypoints().items():
            point = self.seen(place)
            # A corner lies on the very edge of its solid: look a little inside, from every face that it belongs to.
            inside = [self.seen((place[0] + a, place[1] + b, place[2] + c)) for a, b, c in inward]
            if canvas.contains(point):
                shown = any(canvas.on_top(p) == self._part(part) for p in inside)
                found.append((name, point, 2 if shown and self._turned_to_camera(name, place) else 1))
        return found

    def _turned_to_camera(self, name: str, place: Place) -> bool:
        sign = 1.0 if name.startswith("left") else -1.0
        normals: list[Place] = {
            "wheel": [(0.0, sign, 0.0)],
            "headlamp": [(1.0, 0.0, 0.0)],
            "tail_lamp": [(-1.0, 0.0, 0.0)],
            "mirror": [(1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, sign, 0.0)],
            "cab_roof": [(1.05, 0.0, 0.30), (0.0, sign, 0.0), (0.0, 0.0, 1.0)],
            "box_front_top": [(1.0, 0.0, 0.0), (0.0, sign, 0.0), (0.0, 0.0, 1.0)],
            "box_rear_top": [(-1.0, 0.0, 0.0), (0.0, sign, 0.0), (0.0, 0.0, 1.0)],
            "box_rear_bottom": [(-1.0, 0.0, 0.0), (0.0, sign, 0.0)],
        }[next(kind for kind in _KINDS if name.endswith(kind))]
        return any(self.faces_camera([place], normal) for normal in normals)


_KINDS = ("wheel", "headlamp", "tail_lamp", "mirror", "cab_roof", "box_front_top", "box_rear_top", "box_rear_bottom")
_WHEEL_NAMES = {
    (front, left): f"{'left' if left else 'right'}_{'front' if front else 'rear'}_wheel"
    for front in (True, False)
    for left in (True, False)
}


def _screen(z: float) -> float:
    """How far forward the windscreen is at a height."""
    return CAB_FRONT - 0.30 * (z - HOOD) / (CAB_HIGH - HOOD) + 0.001


def _keypoints() -> dict[str, tuple[Place, str, list[Place]]]:
    """Place, part and, into the faces around it, small steps inside, of every keypoint."""
    e = 0.06
    found: dict[str, tuple[Place, str, list[Place]]] = {}
    for side, s in (("left", 1), ("right", -1)):
        roof = (_screen(CAB_HIGH) - 0.001, s * HALF, CAB_HIGH)
        found |= {
            f"{side}_headlamp": ((GRILLE, s * 0.9, 1.07), f"{side}_headlamp", [(0.0, 0.0, 0.0)]),
            f"{side}_mirror": ((2.85, s * 1.5, 1.975), f"{side}_mirror", [(0.0, 0.0, 0.0)]),
            f"{side}_cab_roof": (roof, "cab", [(0, -s * e, -e), (-e, 0, -e), (-e, -s * e, 0)]),
            f"{side}_front_wheel": ((FRONT_AXLE, s * 1.2, WHEEL), f"{side}_front_wheel", [(0, 0, 0)]),
            f"{side}_rear_wheel": ((REAR_AXLE, s * 1.2, WHEEL), f"{side}_rear_wheel", [(0, 0, 0)]),
            f"{side}_tail_lamp": ((BOX_REAR, s * 0.975, 0.72), f"{side}_tail_lamp", [(0, 0, 0)]),
        }
        for end, x, inwards in (("front", BOX_FRONT, -e), ("rear", BOX_REAR, e)):
            steps = [(0, -s * e, -e), (inwards, 0, -e), (inwards, -s * e, 0)]
            found[f"{side}_box_{end}_top"] = ((x, s * BOX_HALF, BOX_HIGH), "box", steps)
        low = (BOX_REAR, s * BOX_HALF, BOX_LOW)
        found[f"{side}_box_rear_bottom"] = (low, "box", [(0, -s * e, e), (e, 0, e)])
    return found


def _ring(axle: float, y: float, radius: float) -> list[Place]:
    turns = (math.tau * i / 36 for i in range(36))
    return [(axle + radius * math.cos(t), y, WHEEL + radius * math.sin(t)) for t in turns]


def _upright(x0: float, x1: float, y: float, z0: float, z1: float) -> list[Place]:
    return [(x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)]


def _facing(x: float, y0: float, y1: float, z0: float, z1: float) -> list[Place]:
    return [(x, y0, z0), (x, y1, z0), (x, y1, z1), (x, y0, z1)]


def _level(x0: float, x1: float, y0: float, y1: float, z: float) -> list[Place]:
    return [(x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)]


def _cuboid(
    x0: float, x1: float, half: float, z0: float, z1: float, *, middle: float = 0.0
) -> list[tuple[list[Place], Place]]:
    y0, y1 = middle - half, middle + half
    return [
        (_upright(x0, x1, y0, z0, z1), (0.0, -1.0, 0.0)),
        (_upright(x0, x1, y1, z0, z1), (0.0, 1.0, 0.0)),
        (_facing(x0, y0, y1, z0, z1), (-1.0, 0.0, 0.0)),
        (_facing(x1, y0, y1, z0, z1), (1.0, 0.0, 0.0)),
        (_level(x0, x1, y0, y1, z1), (0.0, 0.0, 1.0)),
    ]


def _hood() -> list[tuple[list[Place], Place]]:
    return _cuboid(CAB_FRONT, GRILLE, HALF, CAB_LOW, HOOD - 0.1)


def _upper_cab() -> list[tuple[list[Place], Place]]:
    """The cab above the hood; its front is the sloping windscreen's."""
    rear, low, high = BOX_FRONT - 0.05, CAB_FRONT, CAB_FRONT - 0.30
    faces: list[tuple[list[Place], Place]] = [
        ([(low, -HALF, HOOD), (low, HALF, HOOD), (high, HALF, CAB_HIGH), (high, -HALF, CAB_HIGH)], (1.05, 0.0, 0.30)),
        (_level(rear, high, -HALF, HALF, CAB_HIGH), (0.0, 0.0, 1.0)),
        (_facing(rear, -HALF, HALF, HOOD, CAB_HIGH), (-1.0, 0.0, 0.0)),
    ]
    for sign in (1.0, -1.0):
        y = sign * HALF
        side: list[Place] = [(rear, y, HOOD), (low, y, HOOD), (high, y, CAB_HIGH), (rear, y, CAB_HIGH)]
        faces.append((side, (0.0, sign, 0.0)))
    return faces
