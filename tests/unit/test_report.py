from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import keypoint, label, record
from hypothesis import given
from hypothesis import strategies as st
from strategies import JSON

from made_report import made_report
from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.manifest import Line
from truepoint.groundtruth.output_line import read_line
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import parse_skeleton
from truepoint.results.report import (
    LONGEST_REASON,
    MOST_COMMENTS,
    MOST_REASONS,
    ReasonMeter,
    Report,
    ReportMeter,
    human_ceiling,
)
from truepoint.results.report_page import page
from truepoint.results.worst import LONGEST_TEXT, MOST

PERSON = parse_skeleton((Path(__file__).parents[2] / "skeletons" / "coco-person.json").read_bytes())
HOSTILE = "</script><script>alert(1)</script><!-- & \u2028 {{data}} {{script}}"


def report(*lines: Any, status: str = "Completed") -> Report:
    return made_report(
        PERSON, [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines], status=status
    )


def person(dx: float = 0, swapped: bool = False, size: float = 1.0) -> dict[str, Any]:
    """The template pose, `dx` pixels to the right, perhaps with the sides of the whole body exchanged."""
    places = {k.name: k.template for k in PERSON.keypoints if k.template}
    names = {k.name: (k.pair or k.name) if swapped else k.name for k in PERSON.keypoints}
    found = [keypoint(name, 20 + dx + size * places[at][0], 20 + size * places[at][1]) for name, at in names.items()]
    return {"id": "n1", "name": "", "annotations": found}


def consolidated(*people: dict[str, Any] | None) -> dict[str, Any]:
    """The label that consolidation makes of workers who each marked one person, or nobody."""
    answers = [
        (f"w{number}", {"updated_annotations": json.dumps([one] if one else []), "answer_details": json.dumps(
            {"version": "1.0", "image_width": 640, "image_height": 480})})
        for number, one in enumerate(people)
    ]  # fmt: skip

    return dict(msgspec.to_builtins(annotate("0", "s3://bucket-name/a.jpg", answers, sigma_table(PERSON))))


@pytest.mark.parametrize(("workers", "expected"), [(1, 1), (2, 16 / 17), (5, 8 / 8.8), (10**9, 8 / 9)])
def test_the_human_ceiling(workers: int, expected: float) -> None:
    assert human_ceiling(workers) == pytest.approx(expected)


def test_careful_workers_reach_the_human_ceiling_of_the_report() -> None:
    """Simulated: offsets from the mean of n, as COCO's sigma says, at one keypoint."""
    from math import exp
    from random import Random

    rng = Random(5)
    for workers in (2, 3, 9):
        total = 0.0
        for _ in range(20_000):
            # s = sigma = 1: E[d^2] = 1, so each direction has the variance 1/2
            spots = [(rng.gauss(0, 0.5**0.5), rng.gauss(0, 0.5**0.5)) for _ in range(workers)]
            x, y = (sum(axis) / workers for axis in zip(*spots, strict=True))
            total += exp(-((spots[0][0] - x) ** 2 + (spots[0][1] - y) ** 2) / 8)
        assert total / 20_000 == pytest.approx(human_ceiling(workers), abs=0.003)


def test_only_instances_of_several_workers_count_for_the_consensus() -> None:
    found = report(
        record(consolidated(person(), person(), person())),
        record(consolidated(person(), person(4), person(swapped=True))),
        record(consolidated(person())),
    )
    consensus = found.consensus
    assert consensus.instances == sum(consensus.bins) == 2
    assert consensus.bins[-1] >= 1
    assert consensus.ceiling == pytest.approx(human_ceiling(3))
    assert consensus.mean is not None
    assert 0.5 < consensus.mean < 1
    assert found.quality.agreement is not None
    assert [worker.worker_id for worker in found.workers] == ["w0", "w1", "w2"]
    assert all(worker.against_others.bias == [] for worker in found.workers)


def test_an_empty_job() -> None:
    found = report(status="Stopped")
    assert (found.consensus.mean, found.consensus.ceiling, found.first_label, found.worst) == (None, None, None, [])
    assert b'"status":"Stopped"' in page(found)


def test_the_most_suspicious_come_first() -> None:
    fine = [record(label([person()])) for _ in range(3)]
    outside = record(label([person(dx=5000)]))
    disputed = record(consolidated(person(), person(swapped=True), person(), person(swapped=True)))
    overlooked = record(consolidated(person(), None, None))
    worst = report(*fine, outside, disputed, overlooked).worst
    by_line = {image.line: image for image in worst}
    assert {3, 4, 5} <= by_line.keys()
    assert any("utside the image" in reason for reason in by_line[3].reasons)
    assert any("left and right" in reason for reason in by_line[4].reasons)
    assert by_line[5].reasons == ["Marked by only 1 worker, too few for the result"]
    drawing = by_line[4].drawing
    assert (len(drawing.own), len(drawing.instances), by_line[4].suspects) == (4, 1, [0])
    assert len(drawing.instances[0]) == 17
    assert drawing.instances[0][0][1:] == pytest.approx((20 + 62, 20 + 14, 2))
    suspicions = [image.suspicion for image in worst]
    assert suspicions == sorted(suspicions, reverse=True)
    assert 0 < suspicions[-1] <= suspicions[0] <= 1


def test_only_so_many_images_are_drawn() -> None:
    worst = report(*(record(label([person(dx=5000 + n)], image_file_name=f"{n}.jpg")) for n in range(3 * MOST))).worst
    assert len(worst) == MOST
    assert [image.drawing.name for image in worst] == [f"{image.line}.jpg" for image in worst]


def test_reasons_of_missing_lines_are_counted() -> None:
    lines = [record(None), record(None), b"no JSON"]
    lines += [record({"what": f"{n}"}) for n in range(5)]
    lines += [b"%d" % n for n in range(3)]
    found = report(*lines)
    assert found.not_labeled[0].lines == 5
    assert sum(reason.lines for reason in found.not_labeled) + found.other_reasons == len(lines)


def test_reasons_that_differ_in_numbers_are_one_and_shown_whole() -> None:
    """No part of a reason is masked or cut: it is the one of its first line."""
    prefix = "expected at most 640 " + "x" * LONGEST_TEXT
    lines = [record(label([], valid=False, reason=f"{prefix}, got {n}")) for n in (700, 701, 700)]
    lines += [record(label([], valid=False, reason="no 1")) for _ in range(2)]
    first, second = report(*lines).not_labeled
    assert (first.reason, first.lines, first.line, first.differ) == (f"{prefix}, got 700", 3, 0, True)
    assert (second.reason, second.lines, second.line, second.differ) == ("no 1", 2, 3, False)


def test_a_reason_without_end_is_marked_as_cut() -> None:
    [reason] = report(record(label([], valid=False, reason="x" * 9999))).not_labeled
    assert reason.reason == "x" * (LONGEST_REASON - 1) + "\N{HORIZONTAL ELLIPSIS}"


@pytest.mark.parametrize("cut", range(5))
def test_reasons_of_parts_are_those_of_the_whole(cut: int) -> None:
    reasons = [(n, f"got {n // 2}") for n in range(5)]
    whole, part, rest = ReasonMeter(), ReasonMeter(), ReasonMeter()
    for n, reason in reasons:
        whole.add(n, reason)
    for n, reason in reasons[: cut + 1]:
        part.add(n, reason)
    for n, reason in reasons[cut + 1 :]:
        rest.add(n, reason)
    if rest.n:
        part.merge(rest)
    assert part == whole


@pytest.mark.parametrize("edge", range(1, 40))
def test_a_score_on_an_edge_is_in_the_bin_above(edge: int) -> None:
    """0.575 * 40 is 22.999999999999996: bins by multiplication do not have the edges that the report states."""
    meter = ReportMeter()
    one = {"id": "a", "name": "", "annotations": [], "worker_count": 2, "score": edge / 40, "dispersion": None}
    outcome = read_line(Line(0, json.dumps(record(label([one]))).encode(), 1), "keypoints", lambda _: b"")
    meter.add(outcome)
    assert meter.scores[edge] == 1


def test_every_suspicious_image_is_counted() -> None:
    found = report(*(record(label([person(dx=5000 + n)])) for n in range(MOST + 6)), record(label([person()])))
    assert (found.suspicious, found.listed, len(found.worst)) == (MOST + 6, MOST + 6, MOST)


def test_empty_answers_are_shares_of_a_workers_usable_answers() -> None:
    found = report(record(consolidated(person(), None)), record(consolidated(person(), person())))
    assert [(rate.count, rate.n) for rate in found.empty] == [(0, 2), (1, 2)]
    assert found.quality.empty_answers == sum(rate.count for rate in found.empty)


def test_many_reasons_are_summed_up() -> None:
    lines = [record(label([], valid=False, reason="reason " + n * "x")) for n in range(MOST_REASONS**2 + 30)]
    found = report(*lines)
    assert len(found.not_labeled) == MOST_REASONS
    assert found.other_reasons == len(lines) - MOST_REASONS


def test_times_fall_into_their_bins() -> None:
    seconds = [0.2, 1.0, 12.0, 10**5]
    found = report(*(record(label([], total_time_in_seconds=s)) for s in seconds))
    assert sum(found.time_bins) == 4
    assert found.time_bins[0] == found.time_bins[1] == found.time_bins[-1] == 1
    assert found.time_bins[sum(edge <= 12 for edge in found.time_edges)] == 1


@given(st.dictionaries(st.sampled_from(["score", "worker_count", "needs_review", "swaps", "id", "box"]), JSON))
def test_a_foreign_labels_instances_are_not_taken_for_ours(extra: dict[str, Any]) -> None:
    page(report(record(label([person() | extra]))))


# ------------------------------------------------------------------------------------------------------ the page


def test_no_text_of_a_job_is_markup() -> None:
    hostile = person() | {"name": HOSTILE, "annotations": [keypoint(HOSTILE, 1, 1), keypoint("nose", 9999, 1)]}
    found = report(
        record(label([hostile], image_file_name=HOSTILE), f"s3://bucket-name/{HOSTILE}"),
        record(label([], valid=False, reason=HOSTILE)),
        status=HOSTILE,
    )
    text = page(found).decode()
    clean = page(report()).decode()
    assert text.count("<script") == clean.count("<script") == 2
    assert text.count("<") == clean.count("<")
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    read = json.loads(data)
    assert read["status"] == HOSTILE
    assert read["worst"][0]["drawing"]["name"] == HOSTILE
    assert read["not_labeled"][0]["reason"] == HOSTILE


def test_the_page_loads_nothing() -> None:
    text = page(report()).decode()
    assert "default-src 'none'" in text
    assert "unsafe" not in text
    places = set(re.findall(r"https?://[^\"'\s)]+", text))
    assert places <= {"http://www.w3.org/1999/xhtml", "http://www.w3.org/2000/svg"}
    assert "{{" not in text.replace("${", "")


def test_comments_are_shown_up_to_a_number_and_cut_short() -> None:
    many = [person() | {"id": f"n{n}", "comment": "x" * 1000} for n in range(MOST_COMMENTS + 3)]
    found = report(record(label(many)), record(label([person()])))
    assert (len(found.comments), found.other_comments) == (MOST_COMMENTS, 3)
    assert {(c.line, c.worker_id, len(c.text)) for c in found.comments} == {(0, "w1", LONGEST_TEXT)}
