"""Gold scores of workers: counted with the label, once, and again after the table was lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from portal_jobs import put_description, put_images
from portal_site import ADA, BEA, CEM, Site
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Table
from truepoint.tasks.rebuilding import load_or_rebuild


def face(x: float) -> dict[str, Any]:
    points = [("nose", x, 20.0), ("left_eye", x + 40, 60.0), ("right_eye", x - 40, 100.0)]
    return {
        "id": str(x),
        "name": "",
        "annotations": [{"label": name, "x": left, "y": top, "visibility": 2} for name, left, top in points],
    }


@pytest.fixture
def site(bucket: Bucket, table: Table) -> Site:
    put_images(bucket, 3)
    bucket.write("jobs/people-1/gold.json", json.dumps({"0.jpg": [face(100)]}).encode(), "application/json")
    put_description(bucket, workers=3)
    made = Site(bucket, table)
    made.tick()
    return made


def answer(site: Site, worker: str, instances: Any) -> None:
    for line in site.take(worker, held=2):
        site.submit(line, worker, json.dumps(instances))


def test_each_worker_is_compared_with_gold_once(site: Site) -> None:
    answer(site, ADA, [face(100)])
    answer(site, BEA, [face(100), face(5000)])
    answer(site, CEM, [])
    assert site.row(ADA).gold_answers == 0
    site.tick(5)
    assert [site.row(worker).gold_answers for worker in (ADA, BEA, CEM)] == [1, 1, 1]
    assert site.row(ADA).gold_similarity == pytest.approx(1)
    assert site.row(BEA).gold_similarity == pytest.approx(0.5)  # one of two instances is not there
    assert site.row(CEM).gold_similarity == 0
    before = site.row(ADA)
    site.tick(5)
    assert site.row(ADA) == before
    for row in site.table.query(rows.worker_pk("people-1")):
        site.table.write(Action(row["pk"], row["sk"]))
    site.table.write(Action(*rows.job_key("people-1")))
    load_or_rebuild(site.bucket, site.table, site.description)
    assert (site.row(BEA).gold_answers, site.row(BEA).gold_similarity) == (1, pytest.approx(0.5))


@pytest.mark.parametrize("said", ["not JSON", "{}", '[{"annotations": 3}]'])
def test_an_answer_that_cannot_be_used_has_no_score(site: Site, said: str) -> None:
    for worker in (ADA, BEA, CEM):
        for line in site.take(worker, held=2):
            site.submit(line, worker, said)
    assert site.tick(5)["moved"]["people-1"]["labelled"] == 2
    assert site.row(ADA).gold_answers == 0


def test_gold_that_is_damaged_later_keeps_no_image_from_its_label(site: Site) -> None:
    for worker in (ADA, BEA, CEM):
        answer(site, worker, [face(100)])
    site.bucket.write("jobs/people-1/gold.json", b'{"0.jpg": 1}', "application/json")
    assert site.tick(5)["moved"]["people-1"]["labelled"] == 2
    assert site.row(ADA).gold_answers == 0
