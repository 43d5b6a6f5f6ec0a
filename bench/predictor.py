"""A simulated pose model for the bench of errors, of measured quality.

Two qualities. Their errors against labels that scatter as COCO's sigmas say are fitted to what real models reach:

- MoveNet MultiPose: OKS .82 on four COCO photographs with 12 people, all of them found (docs/prelabels.md has how to
  run it). It was trained on COCO.
- ViTPose-B: AR .811 on COCO val2017 with a detector's boxes (ViTPose, NeurIPS 2022; the table of its repository).

Kinds of errors are those of Ronchi and Perona (ICCV 2017): noise, misses, and sides exchanged. Their shares and the
scores are chosen; only their sum is fitted. `python bench/predictor.py` prints what the simulated models reach. Nothing
of it comes from the code that is measured.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from injected import FLIP, PAIRS
from numpy.typing import NDArray
from people import LEAST_NOISE, SIGMAS, Person, Vector, person

Points = tuple[Vector, Vector]
"""Places (17 x 2) and scores (17)."""


@dataclass(frozen=True)
class Model:
    """A model's errors.

    Attributes:
        name: of the quality.
        noise: of visible keypoints, in sigmas a coordinate; occluded ones have 1.5 times as much, hidden ones 3 times.
        miss: rates of keypoints that are anywhere, by visibility 0, 1, 2.
        pair: rate at which a pair's sides are exchanged.
        flip: rates at which the whole body is flipped, with a visible face and without.
        lost: rate of people without a prediction.
        scores: mean and concentration of the scores' beta distributions, by visibility 0, 1, 2, and of misses.
    """

    name: str
    noise: float
    miss: tuple[float, float, float]
    pair: float
    flip: tuple[float, float]
    lost: float
    scores: tuple[tuple[float, float], ...]

    def predict(self, rng: np.random.Generator, subject: Person) -> Points | None:
        """Return what the model sees of a person; None if it does not find him."""
        if rng.random() < self.lost:
            return None
        v = subject.visibility
        spread = np.maximum(SIGMAS * subject.s, LEAST_NOISE) * self.noise * np.array([3.0, 1.5, 1.0])[v]
        places = subject.places + rng.normal(0, 1, (17, 2)) * spread[:, None]
        missed = rng.random(17) < np.array(self.miss)[v]
        angle, far = rng.uniform(0, 2 * np.pi, 17), rng.uniform(0.3, 1.2, 17) * subject.s
        away = np.stack([np.cos(angle), np.sin(angle)], axis=1) * far[:, None]
        places[missed] = (subject.places + away)[missed]
        mean, many = np.array([self.scores[3] if m else self.scores[k] for k, m in zip(v, missed, strict=True)]).T
        scores = rng.beta(mean * many, (1 - mean) * many)
        for a, b in PAIRS:
            if rng.random() < self.pair:
                places[[a, b]] = places[[b, a]]
        if rng.random() < self.flip[0 if subject.face else 1]:
            places, scores = places[FLIP], scores[FLIP]
        return places, scores


MOVENET = Model(
    name="MoveNet MultiPose",
    noise=0.4,
    miss=(0.3, 0.04, 0.015),
    pair=0.01,
    flip=(0.003, 0.02),
    lost=0.03,
    scores=((0.18, 6.0), (0.42, 6.0), (0.68, 8.0), (0.25, 6.0)),
)
VITPOSE = Model(
    name="ViTPose-B",
    noise=0.1,
    miss=(0.2, 0.01, 0.001),
    pair=0.001,
    flip=(0.001, 0.01),
    lost=0.0,
    scores=((0.18, 6.0), (0.55, 8.0), (0.85, 12.0), (0.25, 6.0)),
)
MODELS = (MOVENET, VITPOSE)


def quality(model: Model, people: int = 3000, seed: int = 71) -> dict[str, float]:
    """Return what COCO's evaluation would say, against labels whose mean square distance from the truth is sigma^2."""
    rng = np.random.default_rng(seed)
    oks: list[float] = []
    near: tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]] = ([], [])
    for _ in range(people):
        p = person(rng)
        there = p.visibility > 0
        found = model.predict(rng, p)
        if not there.any():
            continue
        if found is None:
            oks.append(0.0)
            continue
        spread = np.maximum(SIGMAS * p.s, LEAST_NOISE) / np.sqrt(2)
        labels = p.places + rng.normal(0, 1, (17, 2)) * spread[:, None]
        d = np.linalg.norm(found[0] - labels, axis=1)
        oks.append(float(np.exp(-((d / (2 * SIGMAS * p.s)) ** 2) / 2)[there].mean()))
        for part, wanted in zip(near, (found[1] >= 0.3, found[1] < 0.3), strict=True):
            part.append((d < 0.1 * p.s)[there & wanted])
    all_oks = np.array(oks)
    return {
        "OKS of those found": float(all_oks[all_oks > 0].mean()),
        "AR": float(np.mean([(all_oks >= t).mean() for t in np.arange(0.5, 0.96, 0.05)])),
        "near, score >= .3": float(np.concatenate(near[0]).mean()),
        "near, score < .3": float(np.concatenate(near[1]).mean()),
    }


def main() -> int:
    """Print the models' quality."""
    for model in MODELS:
        print(model.name, *(f"{name} {value:.3f}" for name, value in quality(model).items()), sep="   ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
