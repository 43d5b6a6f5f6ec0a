#!/usr/bin/env python3
"""Measure the accuracy of the consensus of simulated workers, compare it with simpler rules, and measure its cost.

The first noise model is that of the published table: standing people with COCO's 17 keypoints, scatter with COCO's
sigmas, one worker with three times the scatter, whole bodies flipped (3 %; 6 % by the noisy worker), sides of a pair
swapped (3 %), gross misses (2 %). The other models vary these values.

Example:
    python bench/consensus.py --poses 1500 --models published       # or: make bench-consensus
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from truepoint.consensus.assignment import assign
from truepoint.consensus.consolidation import Consensus, Consolidated, consolidate_all
from truepoint.consensus.matching import CrowdedError
from truepoint.consensus.robust_mean import robust_means
from truepoint.groundtruth.annotation import annotate
from truepoint.measures.reliability import PairDistances
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.poses import Answers
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.similarity import BOX_TO_AREA
from truepoint.pose.skeleton import Skeleton, parse_skeleton

Points = NDArray[np.float64]

SKELETON: Skeleton = parse_skeleton((Path(__file__).parents[1] / "skeletons" / "coco-person.json").read_bytes())
MEASURE: SigmaTable = sigma_table(SKELETON)
"""The skeleton's sigmas."""
NAMES = SKELETON.keypoint_names
SIGMAS = np.array(SKELETON.sigmas)
FLIP = np.array(SKELETON.flip_indices)
TEMPLATE = np.array([k.template for k in SKELETON.keypoints], dtype=float)
LOW = 0.85
"""OKS below which a consensus counts as poor in the table."""


@dataclass(frozen=True)
class Noise:
    """The errors of simulated workers.

    Attributes:
        name: the model's name in the tables.
        loud: factor on the scatter of worker 0.
        scatter: factor on the scatter of all workers.
        flip: probability, per instance, that a worker flips the whole body.
        loud_flip: the same for worker 0.
        pair: probability, per instance, that a worker swaps the sides of one pair.
        miss: probability, per keypoint, of a gross miss.
        bias: constant offset of all keypoints of worker 0, in units of sigma times the square root of the area.
        spam: probability, per instance, that worker 0 places all keypoints at random over the body.
        absent: probability, per keypoint, that it is left out.
    """

    name: str
    loud: float = 3.0
    scatter: float = 1.0
    flip: float = 0.03
    loud_flip: float = 0.06
    pair: float = 0.03
    miss: float = 0.02
    bias: float = 0.0
    spam: float = 0.0
    absent: float = 0.0


MODELS = (
    Noise("published"),
    Noise("honest", loud=1.0, flip=0.0, loud_flip=0.0, pair=0.0, miss=0.0),
    Noise("biased worker", loud=1.0, bias=3.0),
    Noise("spammer", loud=1.0, spam=1.0),
    Noise("careless crowd", scatter=2.0),
    Noise("careful crowd", scatter=0.5),
    Noise("missing points", absent=0.15),
    Noise("turned bodies", flip=0.15, loud_flip=0.3, pair=0.1),
)


def truth(rng: np.random.Generator) -> Points:
    """Return the keypoints (17, 2) of a person of 150 to 450 pixels in a random pose."""
    pose = TEMPLATE + rng.normal(0, 12, TEMPLATE.shape)
    if rng.random() < 0.5:
        pose[:, 0] *= -1
    angle = rng.normal(0, 0.2)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return np.asarray(pose @ turn * rng.uniform(0.4, 1.2) + rng.uniform(0, 1000, 2))


def size_of(pose: Points) -> float:
    """Return the area of a true pose as for labels: 0.53 of the area of the keypoints' bounding box."""
    return float(BOX_TO_AREA * np.prod(np.ptp(pose, axis=0)))


def answer(pose: Points, worker: int, noise: Noise, rng: np.random.Generator) -> Points:
    """Return the keypoints (17, 2) that a worker labels for a pose; NaN for a keypoint that is left out."""
    unit = SIGMAS[:, None] * math.sqrt(size_of(pose))  # E[d^2] = sigma^2 s^2, of which each axis has one half
    loud = noise.loud if worker == 0 else 1.0
    if worker == 0 and rng.random() < noise.spam:
        low, extent = pose.min(axis=0), np.ptp(pose, axis=0)
        return np.asarray(low + rng.random(pose.shape) * extent)
    marked: Points = pose + rng.normal(0, 1, pose.shape) * unit * noise.scatter * loud / math.sqrt(2)
    if worker == 0:
        marked = marked + noise.bias * unit * np.array([0.8, 0.6])
    if rng.random() < (noise.loud_flip if worker == 0 else noise.flip):
        marked = marked[FLIP]
    if rng.random() < noise.pair:
        left = rng.choice(np.flatnonzero(np.arange(len(FLIP)) < FLIP))
        marked[[left, FLIP[left]]] = marked[[FLIP[left], left]]
    gross = rng.random(len(pose)) < noise.miss
    marked[gross] += rng.normal(0, 1, (int(gross.sum()), 2)) * 0.5 * math.sqrt(size_of(pose))
    marked[rng.random(len(pose)) < noise.absent] = np.nan
    return marked


def oks(pose: Points, points: Points, *, only_present: bool = False) -> float:
    """Return COCO's OKS of `points` and the truth `pose`.

    A missing keypoint counts as 0; with `only_present` it is not counted.
    """
    d2 = ((pose - points) ** 2).sum(axis=1)
    ks = np.exp(-d2 / (2 * size_of(pose) * (2 * SIGMAS) ** 2))
    if only_present:
        return float(ks[~np.isnan(ks)].mean()) if not np.isnan(ks).all() else 0.0
    return float(np.where(np.isnan(ks), 0, ks).mean())


def instance(marked: Points) -> Instance:
    """Return an instance in the format in which a page submits it."""
    rows = zip(NAMES, marked.tolist(), strict=True)
    return Instance(annotations=tuple(Keypoint(name, x, y) for name, (x, y) in rows if not math.isnan(x)))


def array(instance: Consolidated) -> Points:
    """Return the keypoints (17, 2) of an instance in the skeleton's order; NaN for a missing keypoint."""
    by_name = {k.label: (k.x, k.y) for k in instance.annotations}
    return np.array([by_name.get(name, (math.nan, math.nan)) for name in NAMES])


def _each(rule: Callable[[Points], Points]) -> Callable[[Points, int], Points]:
    """Return a rule for all keypoints from a rule for the points of one keypoint.

    A keypoint is in the result if at least half of the workers labelled it.
    """

    def whole(answers: Points, _random: int) -> Points:
        out = np.full(answers.shape[1:], np.nan)
        for k in range(answers.shape[1]):
            present = answers[:, k][~np.isnan(answers[:, k, 0])]
            if 2 * len(present) >= len(answers):
                out[k] = rule(present)
        return out

    return whole


def _medoid(answers: Points, random: int) -> Points:
    """Apply CVAT's rule: return the skeleton with the highest sum of OKS with the others, one of two at random."""
    if len(answers) == 2:
        return np.asarray(answers[random % 2])

    def alike(a: Points, b: Points) -> float:
        spread = np.nanmax(a, axis=0) - np.nanmin(a, axis=0)
        ks = np.exp(-((a - b) ** 2).sum(axis=1) / (2 * BOX_TO_AREA * np.prod(spread) * (2 * SIGMAS) ** 2))
        return float(np.where(np.isnan(ks), 0, ks).mean())

    sums = [sum(alike(a, b) for j, b in enumerate(answers) if j != i) for i, a in enumerate(answers)]
    return np.asarray(answers[int(np.argmax(sums))])


def geometric_median(points: Points) -> Points:
    """Return the geometric median, as the robust mean with a width near zero."""
    x, y = robust_means(points[None, :, 0], points[None, :, 1], np.ones((1, len(points))), np.array([1e-9]))
    return np.array([x[0], y[0]])


Rule = Callable[[Points, int], Points]
"""A function that returns the consensus of all workers' answers, given a random number."""
BASELINES: dict[str, Rule] = {
    "one random worker": lambda answers, random: np.asarray(answers[random % len(answers)]),
    "mean": _each(lambda p: p.mean(axis=0)),
    "medoid (CVAT)": _medoid,
    "median per axis": _each(lambda p: np.median(p, axis=0)),
    "geometric median": _each(geometric_median),
}
OURS = ("ours, at once", "ours, whole job")


def simulate(
    noise: Noise, workers: int, poses: int, seed: int, rules: Mapping[str, Rule] = BASELINES
) -> dict[str, list[float]]:
    """Return the OKS of consensus and truth for each of the rules and for ours: one value per pose."""
    rng = np.random.default_rng([seed, workers])
    truths = [truth(rng) for _ in range(poses)]
    answers = [np.array([answer(pose, w, noise, rng) for w in range(workers)]) for pose in truths]
    scores: dict[str, list[float]] = {
        name: [oks(pose, rule(given, number)) for number, (pose, given) in enumerate(zip(truths, answers, strict=True))]
        for name, rule in rules.items()
    }
    submitted = [[(f"w{w}", [instance(marked)]) for w, marked in enumerate(given)] for given in answers]
    weights = whole_job(submitted)
    for name, trust in zip(OURS, ({}, weights), strict=True):
        scores[name] = [
            max((oks(pose, array(m)) for m in merged), default=0.0)
            for pose, merged in zip(truths, consolidated(submitted, trust), strict=True)
        ]
    return scores


def consolidated(images: Sequence[Answers], weights: Mapping[str, float] | None = None) -> list[list[Consolidated]]:
    """Return the consolidated instances of each image; none for an image with too many instances."""
    merged = consolidate_all(images, MEASURE, weights)
    return [[] if isinstance(outcome, CrowdedError) else outcome[0] for outcome in merged]


def whole_job(submitted: Sequence[list[tuple[str, list[Instance]]]]) -> dict[str, float]:
    """Return the workers' weights that the second pass would use."""
    distances = PairDistances()
    consensus = Consensus(submitted, MEASURE, {})
    for agreed in consensus.agreed:
        distances.add(agreed.repaired, consensus.poses)
    return distances.weights(distances.variances())


@dataclass(frozen=True)
class Scene:
    """An image with several people side by side.

    Attributes:
        name: the scene's name in the table.
        gap: distance between the centres of neighbours, in widths of a body.
        people: number of people.
        absent: probability that a worker overlooks a person.
        extra: mean number of instances per worker that are not people.
        hidden: probability, per keypoint, that it is left out.
    """

    name: str
    gap: float
    people: int = 6
    absent: float = 0.0
    extra: float = 0.0
    hidden: float = 0.0


SCENES = (
    Scene("apart", 1.5),
    Scene("shoulder to shoulder", 1.0),
    Scene("half hidden", 0.5),
    Scene("a quarter of a body apart", 0.25),
    Scene("a quarter apart, 60% of keypoints hidden", 0.25, hidden=0.6),
    Scene("instances missed and added", 1.0, absent=0.1, extra=0.3),
)


def crowd(scene: Scene, workers: int, images_wanted: int, seed: int) -> tuple[float, float, float]:
    """Return recall and precision of instances at an OKS of 0.5, matched one to one, and the mean OKS of matches."""
    rng = np.random.default_rng([seed, workers, 7])
    noise = replace(MODELS[0], absent=scene.hidden)
    truths, images = [], []
    for _ in range(images_wanted):
        first = truth(rng)
        width = np.ptp(first[:, 0])
        people = [
            first + rng.normal(0, 0.03, first.shape) * width + np.array([scene.gap * width * p, 0])
            for p in range(scene.people)
        ]
        answers = []
        for w in range(workers):
            marked = [answer(pose, w + 1, noise, rng) for pose in people if rng.random() >= scene.absent]
            added = [
                answer(truth(rng) + np.array([0, 900]), w + 1, MODELS[0], rng) for _ in range(rng.poisson(scene.extra))
            ]
            order = rng.permutation(len(marked) + len(added))
            answers.append((f"w{w}", [instance((marked + added)[i]) for i in order]))
        truths.append(people)
        images.append(answers)
    right, wanted, given, similar = 0, 0, 0, 0.0
    for people, merged in zip(truths, consolidated(images), strict=True):
        gains = [
            [value if (value := oks(pose, array(m), only_present=True)) >= 0.5 else 0.0 for m in merged]
            for pose in people
        ]
        pairs = assign(gains)
        right, wanted, given = right + len(pairs), wanted + len(people), given + len(merged)
        similar += sum(gains[row][column] for row, column in pairs)
    return right / wanted, right / max(given, 1), similar / max(right, 1)


def table(models: Sequence[Noise], counts: Sequence[int], poses: int, seeds: int) -> list[str]:
    """Return the lines of a Markdown table per model: mean OKS with the truth, and the share of poor results."""
    lines: list[str] = []
    for noise in models:
        lines += ["", f"{noise.name}: mean OKS with the truth (share below {LOW})", ""]
        lines += [_row("workers", map(str, counts)), "|---" * (len(counts) + 1) + "|"]
        cells_of: dict[str, list[str]] = {name: [] for name in (*BASELINES, *OURS)}
        for workers in counts:
            pooled: dict[str, list[float]] = {}
            for seed in range(seeds):
                for name, values in simulate(noise, workers, poses, seed).items():
                    pooled.setdefault(name, []).extend(values)
            for name, values in pooled.items():
                poor = sum(v < LOW for v in values) / len(values)
                cells_of[name].append(f"{sum(values) / len(values):.4f} ({poor:.1%})")
        lines += [_row(name, cells) for name, cells in cells_of.items()]
    return lines


def scenes(counts: Sequence[int], images: int) -> list[str]:
    """Return the lines of a Markdown table of the scenes with several people."""
    lines = ["", "scenes of 6 people: recall / precision of instances at OKS .5, mean OKS of those found", ""]
    lines += [_row("workers", map(str, counts)), "|---" * (len(counts) + 1) + "|"]
    for scene in SCENES:
        results = [crowd(scene, workers, images, 0) for workers in counts]
        lines.append(
            _row(scene.name, (f"{recall:.3f} / {precision:.3f}, {mean:.3f}" for recall, precision, mean in results))
        )
    return lines


def cost(seconds: float) -> list[str]:
    """Return the lines of a Markdown table: data objects per second in post_annotation's core, and import time."""
    lines = ["", "objects a second (parsing, consolidation, annotation)", ""]
    lines += [_row("instances", ("1 worker", "3 workers", "9 workers")), "|---" * 4 + "|"]
    rng = np.random.default_rng(1)
    for people in (3, 30):
        poses = [truth(rng) for _ in range(people)]
        cells = []
        for workers in (1, 3, 9):
            answers = [
                (f"w{w}", _submitted([instance(answer(pose, w + 1, MODELS[0], rng)) for pose in poses]))
                for w in range(workers)
            ]
            done, start = 0, time.perf_counter()
            while time.perf_counter() - start < seconds:
                annotate("0", "s3://bucket/a.jpg", answers, MEASURE)
                done += 1
            cells.append(f"{done / (time.perf_counter() - start):.0f}")
        lines.append(_row(str(people), cells))
    return [*lines, "", f"import of truepoint.groundtruth.annotation after msgspec: {_import_time():.0f} ms"]


def _submitted(instances: list[Instance]) -> str:
    details = {"version": "1.0", "image_width": 1500, "image_height": 1500}
    updated = json.dumps(msgspec.to_builtins(instances))
    return json.dumps({"updated_annotations": updated, "answer_details": json.dumps(details)})


def _import_time() -> float:
    """Return the shortest import time of five new interpreters, in milliseconds."""
    code = (
        "import msgspec, time; t = time.perf_counter(); import truepoint.groundtruth.annotation; "
        "print(time.perf_counter() - t)"
    )
    runs = (subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True) for _ in range(5))
    return min(float(run.stdout) for run in runs) * 1000


def _row(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [noise.name for noise in MODELS]
    parser.add_argument("--poses", type=int, default=300, help="a seed (300)")
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 (3)")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 3, 5, 9], metavar="N")
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="MODEL", help=", ".join(names))
    options = parser.parse_args()
    chosen = [noise for noise in MODELS if noise.name in options.models]
    for lines in (
        table(chosen, options.workers, options.poses, options.seeds),
        scenes(options.workers, options.poses // 10),
        cost(1),
    ):
        print("\n".join(lines), flush=True)


if __name__ == "__main__":
    main()
