#!/usr/bin/env python3
"""Measure the coverage of the report's anchoring intervals with simulated workers of known probabilities.

The workers label a job whose pre-labels are treated as `create_labeling_job.py --withhold --seed-errors` treats them. A
worker leaves a pre-label that is wrong on purpose with the probability `leaves`, and otherwise corrects it. A worker
moves a right keypoint away with a probability that varies between images, because a careless moment lasts for an image;
its mean is `moves`. Keypoints that were not shown are left out with the probability `forgets`. The bench counts how
often the 95 % intervals of quality.json contain these probabilities.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from truepoint.groundtruth.anchoring import HALF, ImageRecord, of_answer, parse_record, record_name
from truepoint.groundtruth.annotation import Annotation, WorkerAnswer
from truepoint.groundtruth.answer import parse_answer
from truepoint.jobs.anchoring import Shares, treat
from truepoint.keys import job_keys
from truepoint.measures.anchoring import AnchoringMeter, AnchoringQuality, WorkerAnchoring
from truepoint.pose.instance import parse_instances
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.similarity import area
from truepoint.pose.skeleton import Skeleton, parse_skeleton

SKELETON = Path(__file__).parents[1] / "skeletons" / "coco-person.json"
JOB = "simulated"
SIDE = 2000
"""Side of the square images, in pixels."""
TOGETHER = 20.0
"""Concentration of the beta distribution of `moves` over images. At a mean of 0.1 its standard deviation is 0.065."""
BURSTS = 4.0
"""Concentration for a worker whose careless moments are rare but severe. At a mean of 0.1 the standard deviation is
0.13."""
SHARES = Shares(withheld=0.2, seeded=0.3)


@dataclass(frozen=True)
class Worker:
    """The behaviour of a simulated worker.

    Attributes:
        leaves: probability of leaving a wrong pre-label.
        moves: mean probability of moving a right keypoint.
        forgets: probability of leaving out a keypoint that was not shown.
        together: concentration of the distribution of `moves` over images. The smaller it is, the more the keypoints of
            one image have in common.
    """

    leaves: float
    moves: float
    forgets: float
    together: float = TOGETHER


WORKERS = {
    "careful": Worker(0.05, 0.02, 0.05),
    "average": Worker(0.3, 0.1, 0.1),
    "anchored": Worker(0.7, 0.03, 0.15),
    "rubber stamp": Worker(0.97, 0.005, 0.3),
}


@dataclass(frozen=True)
class TreatedJob:
    """A job's pre-labels before and after the treatment.

    Attributes:
        given: the right pre-labels, by image name.
        shown: the pre-labels that workers see, by image name.
        records: the record of each image that was drawn for the experiment.
        table: the skeleton's sigmas.
    """

    given: dict[str, tuple[dict[str, Any], ...]]
    shown: dict[str, tuple[dict[str, Any], ...]]
    records: dict[str, ImageRecord]
    table: SigmaTable


def treated_job(images: int, seed: int, skeleton: Skeleton) -> TreatedJob:
    """Return a job whose pre-labels are all right before the treatment."""
    rng = np.random.default_rng(seed)
    given = {f"{n}.jpg": (_prelabel(rng, skeleton),) for n in range(images)}
    sizes = dict.fromkeys(given, (SIDE, SIDE))
    treated = treat(given, sizes, skeleton, JOB, SHARES, seed=f"{seed:064x}")
    folder = job_keys(JOB).anchoring_records
    bodies = {document.key.removeprefix(folder): document.body for document in treated.documents}
    records = {name: parse_record(bodies[key]) for name in given if (key := record_name(name)) in bodies}
    return TreatedJob(given, treated.prelabels, records, sigma_table(skeleton))


def _prelabel(rng: np.random.Generator, skeleton: Skeleton) -> dict[str, Any]:
    """Return a person in the middle of the image: the skeleton's template, scaled, perturbed and partly labelled."""
    places = np.array([k.template or (0, 0) for k in skeleton.keypoints], float)
    places = (places - places.mean(axis=0)) * rng.uniform(0.3, 1.5) + rng.normal(0, 8, places.shape) + SIDE / 2
    labelled = rng.random(len(places)) < rng.uniform(0.6, 1)
    labelled[rng.choice(len(places), 3, replace=False)] = True
    points = [
        {"label": k.name, "x": float(x), "y": float(y), "visibility": int(rng.choice((1, 2), p=(0.1, 0.9)))}
        for k, (x, y), v in zip(skeleton.keypoints, places, labelled, strict=True)
        if v
    ]
    return {"annotations": points}


def content(worker: Worker, job: TreatedJob, image: str, rng: np.random.Generator) -> str:
    """Return a worker's answer for an image, in the format in which the page submits it."""
    record, shown = job.records.get(image), job.shown.get(image, ())
    right = [dict(instance) for instance in job.given[image]]
    updated: list[dict[str, Any]] = right
    if record is not None and record.treatment == "withheld":
        [only] = right
        kept = [k for k in only["annotations"] if rng.random() >= worker.forgets]
        updated = [{"id": "n1", "annotations": kept}]
    elif record is not None and record.error is not None:
        if rng.random() < worker.leaves:
            updated = [dict(instance) for instance in shown]
    else:
        rate = rng.beta(worker.moves * worker.together, (1 - worker.moves) * worker.together)
        updated = [_moved(instance, rate, job.table, rng) for instance in right]
    return json.dumps({"updated_annotations": json.dumps(updated), "original_annotations": json.dumps(shown)})


def _moved(instance: dict[str, Any], rate: float, table: SigmaTable, rng: np.random.Generator) -> dict[str, Any]:
    [parsed] = parse_instances([instance])
    size = float(np.sqrt(area(parsed)[0]))
    points = []
    for k in instance["annotations"]:
        angle, far = rng.uniform(0, 2 * np.pi), rng.uniform(1.1, 3) * HALF * table.sigma(k["label"]) * size
        moved = {"x": k["x"] + far * float(np.cos(angle)), "y": k["y"] + far * float(np.sin(angle))}
        points.append(k | moved if rng.random() < rate else k)
    return instance | {"annotations": points}


def answers(job: TreatedJob, workers: dict[str, Worker], rng: np.random.Generator) -> Iterator[Annotation]:
    """Yield the label of each image in post_annotation's format. Images are assigned to the workers in rotation."""
    names = list(workers)
    for n, image in enumerate(job.given):
        name = names[n % len(names)]
        answer = parse_answer(name, content(workers[name], job, image, rng))
        answer, anchoring = of_answer(answer, job.records.get(image), job.table)
        yield Annotation(
            dataset_object_id=str(n),
            data_object_s3_uri="",
            image_file_name=image,
            image_s3_location="",
            workers=[WorkerAnswer(worker_id=name, usable=True, anchoring=anchoring)],
        )


def quality(job: TreatedJob, workers: dict[str, Worker], rng: np.random.Generator) -> AnchoringQuality:
    """Return the part of quality.json on anchoring."""
    meter = AnchoringMeter()
    for annotation in answers(job, workers, rng):
        meter.add(annotation)
    figures = meter.quality()
    if figures is None:
        raise ValueError("expected answers, got none")
    return figures


def covered(report: WorkerAnchoring, truth: Worker) -> dict[str, bool]:
    """Return, for each rate with an interval, whether the interval contains the worker's probability."""
    pairs = {
        "wrong_stayed": (report.wrong_stayed, truth.leaves),
        "right_moved": (report.right_moved, truth.moves),
        "withheld_elsewhere": (report.withheld_elsewhere, truth.forgets),
    }
    return {
        name: rate.low <= probability <= rate.high
        for name, (rate, probability) in pairs.items()
        if rate.low is not None and rate.high is not None
    }


def main() -> int:
    """Print the coverage of each rate by worker and number of images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=200, metavar="N", help="jobs of each size (%(default)s)")
    options = parser.parse_args()
    skeleton = parse_skeleton(SKELETON.read_bytes())
    rates = ("wrong_stayed", "right_moved", "withheld_elsewhere")
    print(f"{'images':>7}{'worker':>20}" + "".join(f"{name:>20}" for name in rates))
    workers = WORKERS | {"careful, in bursts": replace(WORKERS["careful"], together=BURSTS)}
    for images in (250, 1000):
        hits: dict[tuple[str, str], list[bool]] = {}
        for repeat in range(options.repeats):
            job = treated_job(images, 7000 + repeat, skeleton)
            for report in quality(job, workers, np.random.default_rng(repeat)).workers:
                for name, hit in covered(report, workers[report.worker_id]).items():
                    hits.setdefault((report.worker_id, name), []).append(hit)
        for worker in workers:
            cells = "".join(f"{np.mean(hits[worker, name]):20.3f}" for name in rates)
            print(f"{images:7}{worker:>20}{cells}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
