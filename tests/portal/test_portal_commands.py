"""The commands for the portal's jobs against an emulated stack: rebuild the table, reopen a job."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

import rebuild_portal
import reopen_job
from portal_jobs import put_description, put_images
from portal_site import ADA, Site
from truepoint.adapters.bucket import Bucket
from truepoint.emulator.emulator import Emulator
from truepoint.jobs.stack import OUTPUT_NAMES
from truepoint.task_queue import rows
from truepoint.task_queue.table import Action, Table


@pytest.fixture(params=[True])
def site(account: Emulator, bucket: Bucket, table: Table, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A stack whose portal has an open and an ended job; without a portal if the test says so."""
    outputs = {name: {"Value": "x"} for name in OUTPUT_NAMES.values() if not name.startswith("Portal")}
    outputs["BucketName"] = {"Value": bucket.name}
    if request.param:
        outputs["PortalTableName"] = {"Value": table.name}
    topic = {"Topic": {"Type": "AWS::SNS::Topic"}}
    client = account.session().client("cloudformation", endpoint_url=account.endpoint)
    client.create_stack(StackName="truepoint", TemplateBody=json.dumps({"Resources": topic, "Outputs": outputs}))
    for name in ("open", "ended"):
        put_images(bucket, 3, name)
        put_description(bucket, name, workers=1, CreationTime="2026-11-29T00:00:00+00:00")
    made = Site(bucket, table, "ended")
    made.now = time.time() - 4000
    made.tick()
    made.take(ADA)
    made.submit(0)
    made.finish()
    yield made
    client.delete_stack(StackName="truepoint")


def lose_the_table(site: Site) -> None:
    for name in ("open", "ended"):
        site.table.write(Action(*rows.job_key(name)))
        site.table.write(Action(*rows.listed_key(name)))


def test_one_command_rebuilds_every_job(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    lose_the_table(site)
    assert rebuild_portal.main(["--all", "--dry-run"]) == 0
    assert site.table.query(rows.JOBS) == []
    assert rebuild_portal.main(["--all"]) == 0
    assert "open: InProgress, 3 images" in capsys.readouterr().out
    assert [(row["sk"], row.get("ended", False)) for row in site.table.query(rows.JOBS)] == [
        ("ended", True),
        ("open", False),
    ]
    assert (site.job.status, site.image(0).label != "", site.row(ADA).answers) == ("Stopped", True, 1)
    before = site.job
    assert rebuild_portal.main(["--job", "ended"]) == 0
    assert site.job == before


def test_a_job_that_cannot_be_rebuilt_keeps_no_other_from_it(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    lose_the_table(site)
    site.bucket.delete("jobs/ended/input.manifest")
    assert rebuild_portal.main(["--job", "nowhere", "--job", "ended", "--job", "open"]) == 2
    said = capsys.readouterr()
    assert "there is no job 'nowhere'" in said.err
    assert "ended: s3://" in said.err
    assert "open: InProgress, 3 images" in said.out


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_job_is_reopened_in_the_portal(site: Site, is_lost: bool) -> None:
    if is_lost:
        lose_the_table(site)
    assert reopen_job.main(["ended", "--hours", "3", "--dry-run"]) == 0
    assert site.description["LabelingJobStatus"] == "Stopped"
    assert reopen_job.main(["ended", "--hours", "3"]) == 0
    assert (site.job.status, site.job.generation) == ("InProgress", 1)
    site.tick()
    site.label_all(ADA)
    assert site.row(ADA).answers == 3
    assert reopen_job.main(["ended"]) == 2  # it is open


@pytest.mark.parametrize("site", [False], indirect=True)
def test_without_a_portal_there_is_nothing_to_rebuild(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert rebuild_portal.main(["--all"]) == 1
    assert "Portal=yes" in capsys.readouterr().err
    assert reopen_job.main(["ended"]) == 0
    assert site.description["LabelingJobStatus"] == "InProgress"
    assert site.job.status == "Stopped"
