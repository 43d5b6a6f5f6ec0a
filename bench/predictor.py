"""Simulated pose models for bench/errors.py, with the accuracy of two real models.

Their total error against labels that scatter with COCO's sigmas is fitted to the published or measured accuracy:

- MoveNet MultiPose: OKS 0.82 on four COCO photographs with 12 people, all of whom it detects (docs/prelabels.md
  describes how to run it). It was trained on COCO.
- ViTPose-B: AR 0.811 on COCO val2017 with a detector's boxes (ViTPose, NeurIPS 2022; table in its repository).

The types of errors are those of Ronchi and Perona (ICCV 2017): noise, misses, and swapped sides. The shares of the
types and the scores are assumptions; only the total error is fitted. `python bench/predictor.py` prints the accuracy of
the simulated models. They use none of the code that the benches measure.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np
from injected import FLIP, PAIRS
from numpy.typing import NDArray
from people import LEAST_NOISE, SIGMAS, Person, Vector, person

Points = tuple[Vector, Vector]
"""Keypoints (17, 2) in pixels, and scores (17,)."""


@dataclass(frozen=True)
class Model:
    """The errors and scores of a simulated model.

    Attributes:
        name: the model's name in the table.
        noise: standard deviation per coordinate of visible keypoints, in sigmas; 1.5 times as much for occluded
            keypoints, 3 times for hidden ones.
        miss: probability of a gross miss for keypoints of visibility 0, 1 and 2.
        pair: probability that a pair's sides are swapped.
        flip: probability that the whole body is flipped, for a person with and without a visible face.
        lost: probability that a person has no prediction.
        scores: mean and concentration of the beta distributions of scores, for visibility 0, 1, 2 and for misses.
    """

    name: str
    noise: float
    miss: tuple[float, float, float]
    pair: float
    flip: tuple[float, float]
    lost: float
    scores: tuple[tuple[float, float], ...]

    def predict(self, rng: np.random.Generator, subject: Person) -> Points | None:
        """Return the predicted keypoints and scores of a person; None if the model does not detect the person."""
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
    """Return COCO's measures of a model against simulated labels.

    The labels' mean square distance from the truth is sigma^2 times the area.
    """
    rng = np.random.default_rng(seed)
    oks: list[float] = []
    near: tuple[list[NDArray[np.bool_]], list[NDArray[np.bool_]]] = ([], [])
    for _ in range(people):
        p = person(rng)
        labelled = p.visibility > 0
        prediction = model.predict(rng, p)
        if not labelled.any():
            continue
        if prediction is None:
            oks.append(0.0)
            continue
        spread = np.maximum(SIGMAS * p.s, LEAST_NOISE) / np.sqrt(2)
        labels = p.places + rng.normal(0, 1, (17, 2)) * spread[:, None]
        d = np.linalg.norm(prediction[0] - labels, axis=1)
        oks.append(float(np.exp(-((d / (2 * SIGMAS * p.s)) ** 2) / 2)[labelled].mean()))
        for part, wanted in zip(near, (prediction[1] >= 0.3, prediction[1] < 0.3), strict=True):
            part.append((d < 0.1 * p.s)[labelled & wanted])
    all_oks = np.array(oks)
    return {
        "OKS of those found": float(all_oks[all_oks > 0].mean()),
        "AR": float(np.mean([(all_oks >= t).mean() for t in np.arange(0.5, 0.96, 0.05)])),
        "near, score >= .3": float(np.concatenate(near[0]).mean()),
        "near, score < .3": float(np.concatenate(near[1]).mean()),
    }


def main() -> int:
    """Print the accuracy of the models."""
    for model in MODELS:
        print(model.name, *(f"{name} {value:.3f}" for name, value in quality(model).items()), sep="   ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
