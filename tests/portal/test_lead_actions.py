"""What leads do to a job: in the bucket and the table, again, at once, and where it is not possible."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from portal_jobs import put_description, put_images
from portal_site import ADA, BEA, Site
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.task_queue import rows
from truepoint.task_queue.queue import Verdict
from truepoint.task_queue.table import Table
from truepoint.tasks import output_layout
from truepoint.tasks.interrupted import REQUEST_SECONDS
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.lead_actions import NotPossibleError, parse_settings
from truepoint.tasks.loading import RECORD
from truepoint.web import workers


@pytest.fixture
def site(bucket: Bucket, table: Table) -> Site:
    put_images(bucket, 3)
    put_description(bucket, workers=1)
    made = Site(bucket, table)
    made.tick()
    return made


def settings(site: Site) -> dict[str, Any]:
    return dict(json.loads(site.bucket.read("jobs/people-1/portal/settings.json")))


def test_a_paused_job_takes_nothing_until_it_is_resumed(site: Site) -> None:
    site.take(ADA, held=2)
    for _ in range(2):
        assert site.lead.pause(site.job, True).paused
    assert (settings(site)["paused"], site.submit(0)) == (True, Verdict.CLOSED)
    assert not site.lead.pause(site.job, False).paused
    assert (settings(site)["paused"], site.submit(0)) == (False, Verdict.ACCEPTED)


def test_members_are_set_whole(site: Site) -> None:
    site.lead.set_members(site.job, False, [ADA])
    assert (site.row(ADA).member, site.job.everyone) == (True, False)
    site.lead.set_members(site.job, False, [BEA])
    assert (site.row(ADA).member, site.row(BEA).member) == (False, True)
    assert settings(site) == {
        "version": "1.0", "paused": False, "everyone": False, "members": [BEA], "paused_workers": [],
    }  # fmt: skip


def test_a_paused_worker_keeps_their_numbers(site: Site) -> None:
    site.take(ADA)
    site.submit(0)
    assert site.lead.pause_worker(site.job, ADA, True).paused
    assert (site.take(ADA), site.row(ADA).answers, settings(site)["paused_workers"]) == ([], 1, [ADA])
    assert not site.lead.pause_worker(site.job, ADA, False).paused
    assert site.take(ADA) == [1]


def test_leads_at_once_lose_no_setting(site: Site) -> None:
    job = site.job
    with ThreadPoolExecutor(3) as pool:
        found = [
            pool.submit(site.lead.pause, job, True),
            pool.submit(site.lead.pause_worker, job, ADA, True),
            pool.submit(site.lead.set_members, job, False, [BEA]),
        ]
        for one in found:
            one.result()
    stored = parse_settings(site.bucket.read("jobs/people-1/portal/settings.json"))
    assert (stored.paused, stored.everyone, stored.members, stored.paused_workers) == (True, False, {BEA}, {ADA})


def test_an_extended_job_has_a_later_deadline_in_both_places(site: Site) -> None:
    before = site.job.deadline
    assert site.lead.extend(site.job, 2.5, site.now).deadline == before + 2.5 * 3600
    assert site.description["HumanTaskConfig"]["TaskAvailabilityLifetimeInSeconds"] == 864000 + 9000
    site.now = before + 3600
    site.tick()
    assert site.job.status == "InProgress"


@pytest.mark.parametrize("hours", [0.0, -1.0, 1e9, float("nan")])
def test_deadlines_that_are_none_are_refused(site: Site, hours: float) -> None:
    with pytest.raises(NotPossibleError, match="Expected more than 0"):
        site.lead.extend(site.job, hours, site.now)
    with pytest.raises(NotPossibleError, match="Expected more than 0"):
        site.lead.reopen(site.job, hours, site.now)


def test_finishing_is_repeated_without_effect(site: Site) -> None:
    job = site.job
    first = site.lead.finish(job, site.now)
    assert (first.status, first.ends_as, first.drained) == ("Stopping", "Stopped", site.now + REQUEST_SECONDS)
    assert site.lead.finish(job, site.now + 50) == first
    assert site.description["LabelingJobStatus"] == "Stopping"


def test_what_an_ended_or_open_job_does_not_allow_is_said(site: Site) -> None:
    with pytest.raises(NotPossibleError, match="not ended"):
        site.lead.reopen(site.job, 1, site.now)
    site.lead.finish(site.job, site.now)
    for action in (site.lead.extend, site.lead.reopen):
        with pytest.raises(NotPossibleError):
            action(site.job, 1, site.now)
    site.finish()
    for refused in (lambda: site.lead.finish(site.job, site.now), lambda: site.lead.extend(site.job, 1, site.now)):
        with pytest.raises(NotPossibleError, match="ended"):
            refused()


def test_two_leads_reopen_a_job_once(site: Site) -> None:
    site.finish()
    job = site.job
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda _: site.lead.reopen(job, 5, site.now), range(2)))
    assert [one.generation for one in found] == [1, 1]
    assert (site.job.status, site.description["LabelingJobStatus"]) == ("InProgress", "InProgress")
    assert "ended" not in site.table.query(rows.JOBS)[0]
    assert site.job.deadline >= site.now + 5 * 3600


def test_a_reopening_that_was_interrupted_is_repeated(site: Site) -> None:
    site.finish()

    class HalfTable(Table):
        def transact(self, actions: Any) -> None:
            raise ConnectionError(len(actions))

    job = site.job
    with pytest.raises(ConnectionError):
        type(site.lead)(site.bucket, HalfTable(site.table.name)).reopen(job, 5, site.now)
    assert (site.job.status, site.description["LabelingJobStatus"]) == ("Stopped", "InProgress")
    assert site.lead.reopen(job, 5, site.now).status == "InProgress"


def test_reopening_keeps_the_pause_of_another_lead(site: Site) -> None:
    site.finish()
    before = site.job
    site.lead.pause(site.job, paused=True)
    assert site.lead.reopen(before, 5, site.now).paused


def test_a_reopened_job_can_be_ended_again_at_once(site: Site) -> None:
    site.take(ADA)
    site.submit(0)
    site.finish()
    site.lead.reopen(site.job, 5, site.now)
    site.lead.finish(site.job, site.now)
    site.run_until_ended()
    assert site.labels() == {0: {ADA: "a0"}}
    assert (site.job.generation, site.state.generation) == (1, 1)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"members": 3}', b"\xff"])
def test_settings_that_cannot_be_read_are_not_replaced(site: Site, text: bytes) -> None:
    site.bucket.write("jobs/people-1/portal/settings.json", text, "application/json")
    with pytest.raises(LabelingJobError):
        site.lead.pause(site.job, True)
    assert not site.job.paused


def test_without_a_description_nothing_is_changed(site: Site) -> None:
    site.bucket.delete("jobs/people-1/labeling_job.json")
    with pytest.raises(NotReadableError):
        site.lead.finish(site.job, site.now)
    assert site.job.status == "InProgress"


def test_the_formats_page_has_these_files() -> None:
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    section = page.split("## Files of the portal", 1)[1].split("\n## ", 1)[0]
    skip, written = (json.loads(text) for text in re.findall(r"```json\n(.+?)```", section, re.DOTALL))
    assert json.loads(parse_settings(json.dumps(written).encode()).text()) == written
    assert set(skip) == {"line", "time", "worker", "reason", "note"}
    assert skip["reason"] in workers.REASONS
    assert all(f"`{reason}`" in section for reason in workers.REASONS)
    assert RECORD.size == sum(map(int, re.findall(r"^\| (\d+) \|", section, re.MULTILINE)))
    names = (
        output_layout.portal_answer(7, "W", 1).replace("/7/W_1.", "/<line>/<worker>_<version>."),
        output_layout.CONSOLIDATION_REQUESTS,
        output_layout.CONSOLIDATION_RESPONSES,
    )
    assert all(name.removeprefix("annotations/") in section for name in names)
