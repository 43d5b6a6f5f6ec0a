"""Ticks that are killed at every call, and two at once: every acknowledged answer is in the output exactly once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Any

import pytest

import portal_tick
from portal_jobs import put_description, put_images
from portal_site import ADA, BEA, MINUTE, Site
from truepoint.adapters.bucket import Bucket, UnavailableError
from truepoint.task_queue.table import Action, BusyError, Table, _item
from truepoint.tasks import ending, job_lease, output
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.interrupted import REQUEST_SECONDS

READS_OF_BUCKET = ("read", "find", "find_object", "folders", "stream", "etag", "size", "keys", "listed")
WRITES_OF_BUCKET = ("write", "swap", "delete")
READS_OF_TABLE = ("batch_get_item", "query")


class KilledError(BaseException):
    """The process ends here: nothing of ours catches it."""


class Watch:
    """Calls `act` before the call number `at` of anything outside this process."""

    def __init__(self, at: int, act: Callable[[], None]) -> None:
        self.calls, self.at, self.act = 0, at, act
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self.calls += 1
            due = self.calls == self.at
        if due:
            self.act()


def watched(site: Site, watch: Watch, *, reads: bool = True) -> Dependencies:
    """The site's dependencies, in which every call is told to the watch; without `reads`, only those that may write."""

    def told(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def tell(*given: Any, **named: Any) -> Any:
            if reads or given[:1] not in [(name,) for name in READS_OF_TABLE]:
                watch()
            return function(*given, **named)

        return tell

    bucket, table = Bucket(site.bucket.name), Table(site.table.name)
    for name in WRITES_OF_BUCKET + (READS_OF_BUCKET if reads else ()):
        setattr(bucket, name, told(getattr(bucket, name)))
    setattr(table, "_call", told(table._call))  # noqa: B010 - mypy: not to be assigned
    dependencies = site.dependencies(bucket, table)
    return dependencies._replace(invoke_text=told(dependencies.invoke_text), announce=told(dependencies.announce))


def kill() -> None:
    raise KilledError


def create(bucket: Bucket, table: Table, name: str, images: int = 2, workers: int = 1) -> Site:
    put_images(bucket, images, name)
    put_description(bucket, name, workers=workers)
    return Site(bucket, table, name)


class Saved:
    """The rows and objects of a site, to start from the same state many times."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._rows = self._read_rows()
        self._objects = {key: site.bucket.read(key) for key in site.bucket.keys("", "")}

    def restore(self) -> Site:
        """Make the bucket and the table what they were, and return a site with them, at the time that it was."""
        site, store = Site(self._site.bucket, self._site.table, self._site.name), self._site.bucket
        site.now = self._site.now
        store.delete(*(key for key in store.keys("", "") if key not in self._objects))
        for key, content in self._objects.items():
            store.write(key, content, "application/json")
        kept = {(row["pk"], row["sk"]) for row in self._rows}
        others = [row for row in self._read_rows() if (row["pk"], row["sk"]) not in kept]
        site.table.write_all(Action(row["pk"], row["sk"]) for row in others)
        site.table.write_all(Action(row["pk"], row["sk"], put=row) for row in self._rows)
        return site

    def _read_rows(self) -> list[dict[str, Any]]:
        table = self._site.table
        return [_item(row) for row in table._client.scan(TableName=table.name, ConsistentRead=True)["Items"]]


def half_labelled(bucket: Bucket, table: Table) -> Site:
    """A job that a lead has ended: of three images one has both answers, one has one, and one has one uncounted."""
    site = create(bucket, table, "half", images=3, workers=2)
    site.tick()
    site.take(ADA, held=3)
    site.submit(0)
    site.submit(1)
    site.answers._store_answer(ADA, 2, {"updated_annotations": "stored"}, first=0, accepted=site.now, now=site.now)
    for line in site.take(BEA, held=3):
        if line == 0:
            site.submit(0, BEA)
    site.lead.finish(site.job, site.now)
    site.now += REQUEST_SECONDS
    return site


LABELS = {0: {ADA: "a0", BEA: "b0"}, 1: {ADA: "a1"}, 2: {ADA: "stored"}}


def is_right(site: Site) -> None:
    assert site.labels() == LABELS
    assert len(site.output()) == 3
    assert site.job.status == site.description["LabelingJobStatus"] == "Stopped"
    assert site.description["LabelCounters"]["TotalLabeled"] == site.job.total_labelled == 3
    assert {event[2][0] for event in site.events} == {site.job.arn}


def test_a_tick_that_is_killed_at_any_call_loses_and_doubles_nothing(bucket: Bucket, table: Table) -> None:
    """A kill before a read leaves the same state as one before the next write, so only these are tried."""
    saved, number = Saved(half_labelled(bucket, table)), 0
    while True:
        number += 1
        site = saved.restore()
        try:
            portal_tick.tick(watched(site, Watch(number, kill), reads=False), "killed")
        except KilledError:
            site.now += job_lease.JOB_LEASE_SECONDS + 1
            site.run_until_ended()
            is_right(site)
        else:
            break
    is_right(site)
    assert number > 20


def test_a_tick_that_is_killed_while_it_loads_loads_the_job_once(bucket: Bucket, table: Table) -> None:
    saved, number = Saved(create(bucket, table, "new")), 0
    while True:
        number += 1
        site = saved.restore()
        try:
            portal_tick.tick(watched(site, Watch(number, kill), reads=False), "killed")
        except KilledError:
            site.now += job_lease.JOB_LEASE_SECONDS + 1
            site.tick()
        else:
            break
        assert site.job.open == 2
        site.take(ADA)
        before = site.job
        site.tick()
        assert (site.job, site.take(ADA, held=3)) == (before, [0, 1])
        site.finish()
    assert number > 5


@pytest.mark.parametrize("wholly", [False, True], ids=["one tick", "until the end"])
def test_a_second_tick_at_any_call_of_the_first_does_no_harm(bucket: Bucket, table: Table, wholly: bool) -> None:
    """The first one is taken for dead at that call, and goes on when the second one has done its work."""
    saved, number, was_called = Saved(half_labelled(bucket, table)), 0, True
    while was_called:
        number += 2 if wholly else 3  # the calls between are those that the other of these two tests takes, or alike
        site = saved.restore()
        was_called = False

        def second(site: Site = site) -> None:
            nonlocal was_called
            was_called = True
            site.now += job_lease.JOB_LEASE_SECONDS + 1
            if wholly:
                site.run_until_ended()
            else:
                portal_tick.tick(site.dependencies(), "second")

        portal_tick.tick(watched(site, Watch(number, second)), "first")
        site.now += job_lease.JOB_LEASE_SECONDS + 1
        if not site.job.is_ended:
            site.run_until_ended()
        is_right(site)
    assert number > 40


@pytest.mark.parametrize("round_", range(3))
def test_ticks_at_the_same_time_end_jobs_as_one_would(
    bucket: Bucket, table: Table, monkeypatch: pytest.MonkeyPatch, round_: int
) -> None:
    monkeypatch.setattr(job_lease, "JOB_LEASE_SECONDS", -1.0)  # each takes over from the others at any time
    site = create(bucket, table, f"many-{round_}", images=30, workers=2)
    site.tick()
    site.label_all()
    with ThreadPoolExecutor(3) as pool:
        for n in range(12):
            site.now += MINUTE
            found = [pool.submit(portal_tick.tick, site.dependencies(), f"{n}-{m}") for m in range(3)]
            for one in found:
                one.result()
            if site.job.is_ended:
                break
    monkeypatch.undo()
    if not site.job.is_ended:
        site.run_until_ended()
    assert site.labels() == {n: {ADA: f"a{n}", BEA: f"b{n}"} for n in range(30)}
    assert site.bucket.read(f"output/many-{round_}/manifests/output/output.manifest") == site.by_the_old_rules()[0]


def test_two_leads_who_finish_a_job_at_once_end_it_once(bucket: Bucket, table: Table) -> None:
    site = create(bucket, table, "two-leads", images=3)
    site.tick()
    site.take(ADA)
    site.submit(0)
    job = site.job
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: site.lead.finish(job, site.now), range(4)))
    assert {one.status for one in found} == {"Stopping"}
    site.now += REQUEST_SECONDS
    site.run_until_ended()
    assert (site.labels(), len(site.events)) == ({0: {ADA: "a0"}}, 1)


@pytest.mark.parametrize("seconds", [0.0, 700.0])
def test_large_jobs_write_segments_over_several_ticks(
    bucket: Bucket, table: Table, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """The output of a job in segments is that of a job at once, also if each tick has time for one segment only."""
    for name, value in (("AT_ONCE", 0), ("SEGMENT_LINES", 7), ("LEAST_SEGMENT", 0)):
        monkeypatch.setattr(output, name, value)
    # S3 joins no parts below 5 MB but the last: what is joined here is as small as the test.
    monkeypatch.setattr(output, "join", _join)
    monkeypatch.setattr(ending, "BLOCKS_AT_ONCE", 1)
    site = create(bucket, table, "large", images=40)
    site.tick()
    site.label_all(ADA)
    site.left = 2000.0
    usual = site.dependencies

    def short_of_time(*given: Any) -> Dependencies:
        dependencies = usual(*given)

        def seconds_left() -> float:
            site.left -= seconds
            return site.left

        return dependencies._replace(seconds_left=seconds_left)

    site.dependencies = short_of_time
    ticks = 0
    while not site.job.is_ended:
        site.left = 2000.0
        site.tick()
        ticks += 1
        assert ticks < 40
    assert site.bucket.read("output/large/manifests/output/output.manifest") == site.by_the_old_rules()[0]
    assert site.description["LabelCounters"]["TotalLabeled"] == 40
    assert list(site.bucket.keys("tmp/portal/large", "")) == []


def _join(name: str, parts: list[str], key: str, content_type: str) -> None:
    store = Bucket(name)
    store.write(key, b"".join(store.read(part) for part in parts), content_type)


def test_a_job_that_cannot_be_moved_keeps_no_other_from_going_on(bucket: Bucket, table: Table) -> None:
    good, bad = create(bucket, table, "good"), create(bucket, table, "bad")
    good.tick()
    good.label_all(ADA)
    bad.bucket.delete("jobs/bad/labeling_job.json")
    good.run_until_ended()
    assert len(good.labels()) == 2
    assert bad.job.status == "InProgress"


@pytest.mark.parametrize("error", [BusyError("DynamoDB is busy"), UnavailableError("S3 is full")], ids=["table", "S3"])
def test_what_is_busy_or_full_is_tried_again_by_the_next_tick(bucket: Bucket, table: Table, error: Exception) -> None:
    site = create(bucket, table, "busy")
    site.tick()
    site.label_all(ADA)

    def busy() -> None:
        raise error

    for at in range(8, 30, 4):
        portal_tick.tick(watched(site, Watch(at, busy)), "busy")
        site.now += MINUTE
    site.run_until_ended()
    assert len(site.labels()) == 2
