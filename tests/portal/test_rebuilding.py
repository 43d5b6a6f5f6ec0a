"""Rebuilding of the table from the bucket: it is as before, but for leases."""

from __future__ import annotations

from typing import Any

import pytest

from portal_jobs import put_description, put_images
from portal_site import ADA, BEA, CEM, Site
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Item, Table
from truepoint.tasks import output_layout
from truepoint.tasks.consolidating import CORRECTION_SECONDS
from truepoint.tasks.rebuilding import load_or_rebuild


@pytest.fixture
def site(bucket: Bucket, table: Table) -> Site:
    put_images(bucket, 12)
    put_description(bucket, workers=2)
    made = Site(bucket, table)
    made.tick()
    return made


def dump(table: Table) -> dict[tuple[str, str], Item]:
    """Every row of the table."""
    client = table._client
    found: dict[tuple[str, str], Item] = {}
    options: dict[str, Any] = {}
    while True:
        answer = client.scan(TableName=table.name, **options)
        keys = [(row["pk"]["S"], row["sk"]["S"]) for row in answer["Items"]]
        found |= table.get(keys)
        if "LastEvaluatedKey" not in answer:
            return found
        options = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


def empty(table: Table) -> None:
    table.write_all(Action(*key) for key in dump(table))


def comparable(found: dict[tuple[str, str], Item]) -> dict[tuple[str, str], Any]:
    """The rows without what a rebuilt table has no need of: leases, turns, counters of changes, places in the queue."""
    left = {}
    for (pk, sk), row in found.items():
        if sk in ("tick", "cursor"):
            continue
        if "#Q#" in pk:
            # One free slot for each answer that an image lacks; whose it was, and since when, does not matter.
            key = pk, row["line"]
            left[key] = left.get(key, 0) + 1
        elif "#I#" in pk:
            done = {
                worker: (one["key"], one["size"], pytest.approx(one["time"], abs=0.01))
                for worker, one in row["done"].items()
            }
            left[pk, sk] = (row["offset"], row["length"], done, row["declined"], row["label"], row["failure"])
        elif pk.endswith("#W"):
            names = ("answers", "skips", "member", "paused", "recent", "last")
            usual = {"answers": 0, "skips": 0, "member": False, "paused": False, "recent": [], "last": 0}
            left[pk, sk] = [(usual | row)[name] for name in names]
        elif "#F" in pk:
            left[pk, row["line"]] = True
        else:
            left[pk, sk] = {name: value for name, value in row.items() if name not in ("pk", "sk")}
    return left


def rebuild(site: Site) -> dict[tuple[str, str], Item]:
    empty(site.table)
    load_or_rebuild(site.bucket, site.table, site.description)
    return dump(site.table)


def test_the_table_is_as_before(site: Site) -> None:
    """Labels, corrections, skips, settings, complete and half complete images."""
    site.label_all(ADA)
    for line in site.take(BEA, held=3):
        site.submit(line, BEA)
    site.tick(5)
    for line in site.take(BEA, held=3):
        site.submit(line, BEA)
    corrected = site.row(BEA).recent[0]
    site.now += 1
    site.correct(corrected, BEA)
    skipped = site.take(CEM, held=2)
    site.skip(skipped[0], CEM)
    site.lead.set_members(site.job, False, [ADA, CEM])
    site.lead.pause_worker(site.job, BEA, True)
    site.lead.pause(site.job, True)
    before = dump(site.table)
    after = rebuild(site)
    expected, found = comparable(before), comparable(after)
    # BEA's last answer was corrected: the time of the correction is all that the bucket has.
    for of_bea in (expected, found):
        of_bea[rows.worker_key("people-1", BEA)].pop()
    assert found == expected
    assert len([1 for key in found if "#F" in key[0]]) == 3
    assert site.image(corrected).done[BEA].key.endswith("_1.json")
    assert sum(bool(site.image(n).label) for n in range(12)) == 3


def test_the_job_goes_on_as_if_nothing_had_happened(site: Site) -> None:
    for line in site.take(ADA, held=4):
        site.submit(line)
    site.take(BEA, held=2)
    rebuild(site)
    site.label_all()
    site.run_until_ended()
    assert site.labels() == {n: {ADA: f"a{n}", BEA: f"b{n}"} for n in range(12)}


def test_a_complete_job_ends_without_a_wait_after_the_table_was_lost(site: Site) -> None:
    site.label_all()
    site.now += CORRECTION_SECONDS
    rebuild(site)
    site.tick(0.01)
    assert (site.job.status, sum(bool(site.image(n).label) for n in range(12))) == ("InProgress", 12)
    for _ in range(2):  # the clock of the test stands still during a tick
        site.tick(0.01)
    assert site.job.status == "Completed"
    assert site.labels() == {n: {ADA: f"a{n}", BEA: f"b{n}"} for n in range(12)}


def test_lines_that_have_no_answer_are_offered_at_once_after_the_table_was_lost(site: Site) -> None:
    site.answers._store_answer(ADA, 3, {"updated_annotations": "a3"}, first=0, accepted=site.now, now=site.now)
    rebuild(site)
    assert site.take(BEA, held=1) == [3]
    site.tick(0.01)
    assert sorted(site.take(BEA, held=5)) == [0, 1, 2, 3, 4]
    site.label_all()
    site.run_until_ended()
    assert site.labels() == {n: {ADA: f"a{n}", BEA: f"b{n}"} for n in range(12)}


def test_a_label_of_an_answer_that_was_corrected_meanwhile_does_not_count(site: Site) -> None:
    site.take(ADA)
    site.take(BEA)
    for worker in (ADA, BEA):
        site.submit(0, worker)
    usual = site.invoke_text

    def slow(arn: str, event: Any, seconds: float) -> bytes:
        answer = usual(arn, event, seconds)
        site.correct(0, ADA, "late")
        return answer

    site.invoke_text = slow
    site.tick(5)
    assert len(site.files(output_layout.CONSOLIDATION_RESPONSES)) == 1
    rebuild(site)
    assert site.image(0).label == ""
    del site.invoke_text
    site.tick(5)
    site.label_all()
    site.run_until_ended()
    assert site.labels()[0] == {ADA: "late", BEA: "b0"}


def test_of_more_answers_than_an_image_needs_the_first_count(site: Site) -> None:
    for n, worker in enumerate((CEM, BEA, ADA)):
        site.answers._store_answer(
            worker, 3, {"updated_annotations": worker}, first=0, accepted=site.now, now=site.now + n
        )
    rebuild(site)
    assert sorted(site.image(3).done) == [BEA, CEM]
    assert (site.row(ADA).answers, site.row(BEA).answers) == (0, 1)


def test_files_that_cannot_be_read_are_as_if_they_were_not_there(site: Site) -> None:
    for line in site.take(ADA, held=3):
        site.submit(line)
    site.tick(5)
    folder = f"output/People-1/{output_layout.WORKER_RESPONSES}"
    for name, text in (
        (f"{folder}0/{BEA}_0.json", b"{"),
        (f"{folder}0/{ADA}_1.json", b'{"answers": []}'),
        (f"{folder}1/{BEA}_0.json", b'{"answers": [{"workerId": 1}]}'),
        (f"{folder}99/{BEA}_0.json", site.bucket.read(site.image(0).done[ADA].key)),
        (f"{folder}x/y.json", b""),
        (f"output/People-1/{output_layout.CONSOLIDATION_RESPONSES}2025-11-24_15:00:00_0.json", b"[{}]"),
        ("jobs/people-1/portal/skips/2/x.json", b"[]"),
    ):
        site.bucket.write(name, text, "application/json")
    before = site.image(0).done
    rebuild(site)
    assert list(site.image(0).done) == [ADA]
    assert site.image(0).done[ADA].key == before[ADA].key
    assert (list(site.image(1).done), site.image(2).declined) == ([ADA], [])
    assert len([1 for key in dump(site.table) if "#I#" in key[0]]) == 3


def test_a_rebuilding_that_was_interrupted_is_repeated(site: Site) -> None:
    for line in site.take(ADA, held=3):
        site.submit(line)
    once = rebuild(site)
    empty(site.table)

    class HalfTable(Table):
        left = 1

        def _call(self, method: str, **request: Any) -> Any:
            if method == "batch_write_item" and self.left == 0:
                raise ConnectionError
            self.left -= method == "batch_write_item"
            return super()._call(method, **request)

    with pytest.raises(ConnectionError):
        half = HalfTable(site.table.name)
        half.left = 0
        load_or_rebuild(site.bucket, half, site.description)
    assert site.table.query(rows.JOBS) == []
    load_or_rebuild(site.bucket, site.table, site.description)
    assert dump(site.table) == once
    load_or_rebuild(site.bucket, site.table, site.description)
    assert dump(site.table) == once


def test_an_ended_job_can_be_reopened_after_the_table_was_lost(site: Site) -> None:
    for line in site.take(ADA, held=3):
        site.submit(line)
    site.finish()
    labels, counters = site.labels(), site.description["LabelCounters"]
    rebuild(site)
    assert (site.job.status, site.job.total_labelled) == ("Stopped", counters["TotalLabeled"])
    assert site.tick()["moved"] == {}
    site.lead.reopen(site.job, 24, site.now)
    site.tick(20)
    site.label_all(ADA, BEA)
    site.run_until_ended()
    assert {n: site.labels()[n] for n in labels} == labels
    assert len(site.labels()) == 12
