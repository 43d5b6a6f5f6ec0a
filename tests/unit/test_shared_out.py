"""A job's lines may be shared out: any cut into ranges, each surveyed and labelled apart, gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any, TypeVar

import msgspec
import pytest
from builders import keypoint, label, outcome, record
from hypothesis import given, settings
from hypothesis import strategies as st

from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.job import LabelingJob
from truepoint.keys import job_keys
from truepoint.measures.gold import Gold, parse_gold
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.results.first_pass import JobSurvey, Surveyed
from truepoint.results.second_pass import Refiner
from truepoint.results.tally import Tally
from truepoint.runs.result_files import FRAGMENTS, Fragments, line_files, tally_files

JOB = LabelingJob(
    name="people", arn="arn", status="Completed", label_attribute_name="keypoints", output_manifest_uri="s3://b-b/k"
)
SKELETON = parse_skeleton(
    json.dumps(
        {
            "name": "kite",
            "keypoints": [
                {"name": "top"},
                {"name": "left", "pair": "right", "sigma": 0.05},
                {"name": "right", "pair": "left"},
                {"name": "tail"},
                {"name": "end"},
            ],
            "edges": [["top", "left"], ["top", "right"], ["top", "tail"], ["tail", "end"]],
        }
    )
)
S = TypeVar("S", JobSurvey, Tally)
SHAPE = {"top": (50, 0), "left": (0, 40), "right": (100, 40), "tail": (50, 120), "end": (60, 170)}


class Uploaded(dict[str, bytes]):
    """What was put."""

    put = dict.__setitem__


def kite(random: Random, noise: float, strays: Sequence[str]) -> dict[str, Any]:
    """One instance, mostly right: some keypoints are missing, exchanged or not the skeleton's."""
    x, y, scale = random.uniform(0, 500), random.uniform(0, 300), random.uniform(0.5, 2)
    mirrored = random.random() < 0.1
    found = []
    for name, (dx, dy) in SHAPE.items():
        if random.random() < 0.9:
            far = 300 if random.random() < 0.03 else 0
            place = (100 - dx if mirrored else dx) + random.gauss(far, noise), dy + random.gauss(0, noise)
            found.append(keypoint(name, x + scale * place[0], y + scale * place[1], random.choice([1, 2, 2])))
    found += [keypoint(name, x, y) for name in strays if random.random() < 0.3]
    said = random.choice([{}, {}, {"comment": random.choice(["dark", "occluded" * 99])}])
    box = random.choice([{}, {}, {"box": [x, y, 100 * scale, 170 * scale]}, {"box": [0, 0, 1e-200, 1e-200]}])
    return {"id": f"n{random.randrange(3)}", "name": random.choice(["", "kite"]), "annotations": found} | box | said


def shaken(random: Random, instance: dict[str, Any], noise: float) -> dict[str, Any]:
    """Another worker's version of an instance."""
    places = [
        k | {"x": k["x"] + random.gauss(0, noise), "y": k["y"] + random.gauss(0, noise)}
        for k in instance["annotations"]
    ]
    return instance | {"annotations": places}


def manifest_line(random: Random, number: int, workers: int, strays: Sequence[str]) -> Any:
    """A line of an output manifest: mostly labelled."""
    source = f"s3://bucket-name/jobs/people/images/{number}.jpg"
    chance = random.random()
    if chance < 0.15:
        failed = {"keypoints-metadata": {"failure-reason": f"Failed {random.choice('abcdef')} {number}"}}
        return random.choice([b"{", record(None, source), {"source-ref": source} | failed, record({"a": 1}, source)])
    truth = [kite(random, 2, strays) for _ in range(random.choice([0, 1, 1, 2, 3]))]
    original = [shaken(random, t, 1) for t in truth] if random.random() < 0.4 else []
    answers = []
    for worker in random.sample(range(workers + 2), workers):
        mine = [shaken(random, t, random.choice([0, 2, 5])) for t in truth if random.random() < 0.9]
        answers.append(
            (
                f"private.us-east-1.{worker}",
                {
                    "updated_annotations": json.dumps(mine) if random.random() < 0.97 else "?",
                    "original_annotations": json.dumps(original),
                    "image_s3_uri": source,
                    "image_name": f"{number}.jpg",
                    "no_changes_needed": "false",
                    "total_time_in_seconds": random.choice(["3", "7.25", "1e-3", "400", "1e308"]),
                    "answer_details": json.dumps(
                        {
                            "version": "1.0",
                            "image_width": 800,
                            "image_height": 600,
                            "active_time_in_seconds": random.uniform(0.1, 99),
                            "not_labeled": [{"id": "n1", "label": "end", "reason": "not_visible", "comment": "bag"}],
                        }
                    ),
                },
            )
        )
    label = msgspec.to_builtins(annotate(str(number), source, answers, sigma_table(SKELETON)))
    made = record(label, source)
    made["keypoints-metadata"]["creation-date"] = f"2026-01-{random.randrange(1, 29):02d}T00:00:00"
    return made


def cramp(survey: JobSurvey) -> JobSurvey:
    """With bounds so low that every one of them is met."""
    survey.sample.largest = 40
    survey.names.most = survey.sigmas.keypoints.most = 6
    survey.distances.pairs.most = 4
    return survey


def cramped(tally: Tally) -> None:
    tally.quality.unknown_keypoints.most = tally.quality.workers.most = tally.workers.workers.most = 3
    tally.agreement.pairs.most = tally.figures.reasons.most = 3
    tally.review.most, tally.worst.most = 4, 2


def joined(parts: list[S]) -> S:
    """All parts merged, neighbours first: the outcome must not depend on which."""
    random = Random(len(parts))
    while len(parts) > 1:
        place = random.randrange(len(parts) - 1)
        parts[place].merge(parts.pop(place + 1))
    return parts[0]


def batches_of(numbers: range, size: int) -> list[range]:
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]


def files_of(
    lines: Sequence[Any],
    cuts: Sequence[int],
    skeleton: Skeleton | None,
    gold: Gold,
    *,
    one_worker: bool,
    low: bool,
    batch_size: int = 100,
) -> dict[str, bytes]:
    """Every file of the results but the marker, the lines cut into ranges at these places, and worked on in batches."""
    edges = [0, *cuts, len(lines)]
    ranges = [range(a, b) for a, b in pairwise(edges)]

    surveys = []
    for numbers in ranges:
        survey = JobSurvey(skeleton, one_worker=one_worker)
        if low:
            cramp(survey)
        for batch in batches_of(numbers, batch_size):
            survey.add_all([outcome(lines[number], number) for number in batch if survey.wants(number)])
        surveys.append(msgspec.json.encode(survey))
    sent = msgspec.json.encode(joined([msgspec.json.decode(text, type=JobSurvey) for text in surveys]).surveyed())

    fragments: dict[str, list[bytes]] = {name: [] for name in FRAGMENTS}
    uploaded = Uploaded()
    tallies = []
    for numbers in ranges:
        known = msgspec.json.decode(sent, type=Surveyed)
        refiner = Refiner(JOB.name, known, gold)
        if low:
            cramped(refiner.tally)
        out = {name: bytearray() for name in FRAGMENTS}
        writer = Fragments(JOB, known.skeleton, uploaded, out)  # type: ignore[arg-type]
        for batch in batches_of(numbers, batch_size):
            for refined in refiner.add_all([outcome(lines[number], number) for number in batch]):
                writer.add(refined)
        for name, text in out.items():
            fragments[name] += bytes(text).splitlines(keepends=True)
        tallies.append(msgspec.json.encode(refiner.tally))
    tally = joined([msgspec.json.decode(text, type=Tally) for text in tallies])
    made = dict(uploaded)
    known = msgspec.json.decode(sent, type=Surveyed)
    for file in [*line_files(JOB, known.skeleton, fragments.__getitem__), *tally_files(JOB, known, tally)]:
        made[job_keys(JOB.name).results + file.key] = b"".join(
            [file.content] if isinstance(file.content, bytes) else file.content()
        )
    return made


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32),
    shares=st.lists(st.floats(0, 1), max_size=6),
    case=st.fixed_dictionaries(
        {
            "count": st.integers(0, 40),
            "workers": st.sampled_from([1, 2, 3, 5]),
            "strays": st.sampled_from([0, 1, 12]),
            "derived": st.booleans(),
            "low": st.booleans(),
            "batch_size": st.sampled_from([1, 2, 7]),
        }
    ),
)
def test_any_partition_of_the_lines_gives_the_same_bytes(seed: int, shares: list[float], case: dict[str, Any]) -> None:
    random, count, workers = Random(seed), case["count"], case["workers"]
    strays = [f"stray {n}" for n in range(case["strays"])]
    lines = [manifest_line(random, number, workers, strays) for number in range(count)]
    gold = parse_gold(json.dumps({"3.jpg": [kite(random, 0, [])], "4.jpg": []}).encode())
    skeleton = None if case["derived"] else SKELETON
    cuts = sorted(round(share * count) for share in shares)
    whole = files_of(lines, [], skeleton, gold, one_worker=workers == 1, low=case["low"])
    size = case["batch_size"]
    parted = files_of(lines, cuts, skeleton, gold, one_worker=workers == 1, low=case["low"], batch_size=size)
    assert parted.keys() == whole.keys()
    for key, content in whole.items():
        assert parted[key] == content, key


@pytest.mark.parametrize(
    "values",
    [[5], [-1e6, 1e6], [0, 1e-300], [0, 1e-310, 3, 1e-9, 1e6, -1e6]],
    ids=["one spot", "as far as can be", "next to nothing", "mixed"],
)
def test_coordinates_at_the_limits_have_results(values: list[float]) -> None:
    random = Random(1)
    lines = []
    for _ in range(40):
        marked = [[keypoint(k, random.choice(values), random.choice(values)) for k in SHAPE] for _ in range(3)]
        answers = [
            [{"id": "n1", "annotations": places, "box": [places[0]["x"], places[0]["y"], 1e6, 1e6]}]
            for places in marked
        ]
        workers = [
            {"worker_id": f"w{n}", "usable": True, "annotations": answer, "active_time_in_seconds": 1e308}
            for n, answer in enumerate(answers)
        ]
        value = label(answers[0], workers=workers, original_annotations=answers[1], total_time_in_seconds=1e308)
        lines.append(record(value))
    whole = files_of(lines, [], SKELETON, {}, one_worker=False, low=False)
    assert whole == files_of(lines, [7, 30], SKELETON, {}, one_worker=False, low=False)
    quality = json.loads(whole["results/people/quality.json"])
    assert (quality["written"], quality["agreement"]["images"]) == (40, 40)


@pytest.mark.parametrize("derived", [True, False])
def test_hostile_labels_do_not_enlarge_the_statistics(derived: bool) -> None:
    """40,000 different keypoints and 20,000 workers in a few lines: one worker's and, by turns, three's."""
    survey = JobSurvey(None if derived else SKELETON)
    lines = []
    for number in range(20):
        names = [f"{number}-{place}" + "z" * 100 for place in range(2000)]
        tails = [keypoint(name, place, number) for place, name in enumerate(names)]
        workers = [
            {"worker_id": name, "usable": place <= 2 * (number % 2), "annotations": [{"annotations": tails[:9]}]}
            for place, name in enumerate(names[:1000])
        ]
        source = f"s3://bucket-name/{'k' * 2000}/{number}.jpg"
        below = [{"worker_ids": names[:9], "instances": []}] * 2000
        value = label(
            [{"annotations": tails[:1000]}, {"annotations": tails[1000:]}], workers=workers, below_quorum=below
        )
        lines.append(outcome(record(value, source), number))
    survey.add_all(lines)
    known = survey.surveyed()
    refiner = Refiner(JOB.name, known, {})
    list(refiner.add_all(lines))
    quality = refiner.tally.quality_file(known)
    assert len(known.skeleton.keypoints) == (1000 if derived else 5)
    assert len(quality.unknown_keypoints) == len(quality.workers) / 2 == 1000
    assert set(quality.unknown_keypoints.values()) == {1}
    assert quality.other_unknown_keypoints + 1000 + sum(k.labeled for k in quality.keypoints) == 10 * 2009
    assert quality.other_workers_answers == refiner.tally.workers_file(known).other_workers_tasks == 20_000 - 2000
    assert len(msgspec.json.encode(survey)) < 10_000_000
    assert len(msgspec.json.encode(refiner.tally)) < 10_000_000
