"""People and scripted workers label while processes are killed and the disk fills up. Whatever was acknowledged is in
the output once.

Failing functions, and a kill at each call between S3 and the table, are in tests/portal.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from clients import THOROUGH

from portal_jobs import put_description, put_images
from portal_site import ADA, BEA, Site
from truepoint.adapters.bucket import Bucket
from truepoint.demo.deployed_portal import forget_jobs
from truepoint.demo.scripted_workers import store_answers
from truepoint.demo.stored_job import StorageFullError, StoredJob
from truepoint.emulator.emulator import Emulator
from truepoint.task_queue import rows
from truepoint.task_queue.table import Table

PROJECT = Path(__file__).parents[2]
BUCKET = "truepoint-labeling"
TABLE = "portal"
JOB = "People-1"
DISK = 3 * 1024 * 1024
"""Bytes of the small disk: the emulator's log and some hundred answers."""
ANSWERS = 25
ROUNDS = 12 if THOROUGH else 4


def start_emulator(folder: Path) -> Emulator:
    """An emulator that keeps its state, with a bucket and a table; afterwards it has written everything."""
    emulator = Emulator(PROJECT / ".venv-emulator" / "bin" / "python", folder, keep=True)
    emulator.start()
    session = emulator.session()
    session.client("s3", endpoint_url=emulator.endpoint).create_bucket(Bucket=BUCKET)
    session.client("dynamodb", endpoint_url=emulator.endpoint).create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    emulator.restart()
    return emulator


def new_site(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, images: int, workers: int) -> Site:
    """A job that this process, as the account's root, looks at."""
    for name, value in emulator.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    store = Bucket(BUCKET)
    put_images(store, images)
    put_description(store, JOB, workers=workers, CreationTime="2026-11-29T00:00:00.000+00:00")
    site = Site(store, Table(TABLE), JOB)
    site.now = time.time()
    return site


# -- the disk


@contextmanager
def by_tmpfs(folder: Path) -> Iterator[tuple[Callable[[Emulator], None], Callable[[Emulator], None]]]:
    """A file system of `DISK` bytes, which a file of zeros fills."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True, capture_output=True)
    filler = folder / "zeros"

    def fill(_: Emulator) -> None:
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"\0" * 4096)

    try:
        yield fill, lambda _: filler.unlink()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def by_limit(folder: Path) -> Iterator[tuple[Callable[[Emulator], None], Callable[[Emulator], None]]]:
    """The kernel refuses the emulator every byte of every file: what can be had without the right to mount."""
    del folder

    def limit(size: int) -> Callable[[Emulator], None]:
        def apply(emulator: Emulator) -> None:
            assert emulator._process
            resource.prlimit(emulator._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        return apply

    yield limit(0), limit(resource.RLIM_INFINITY)


def may_mount(folder: Path) -> bool:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", folder], check=False, capture_output=True
    )
    if done.returncode == 0:
        subprocess.run(["umount", "-l", folder], check=True)
    return done.returncode == 0


@pytest.mark.parametrize("way", ["limit", "tmpfs where it may be mounted"])
def test_a_full_disk_refuses_answers_and_loses_none(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, count: Any
) -> None:
    small = by_tmpfs if way.startswith("tmpfs") and may_mount(tmp_path) else by_limit
    with small(tmp_path) as (fill, free):
        emulator = start_emulator(tmp_path)
        try:
            site = new_site(emulator, monkeypatch, ANSWERS, workers=1)
            given = {"ada": {f"{n}.jpg": {"updated_annotations": str(n)} for n in range(ANSWERS)}}
            half = {"ada": {name: given["ada"][name] for name in list(given["ada"])[: ANSWERS // 2]}}
            job = StoredJob(emulator, BUCKET, JOB)
            assert store_answers(job, half, b"secret") == (ANSWERS // 2, False)
            fill(emulator)
            for _ in range(3):
                with pytest.raises(StorageFullError, match=r"expected room for .* bytes of s3://"):
                    store_answers(job, given, b"secret")
            assert job.progress().started == ANSWERS // 2, "an object is served that is not on disk"
            emulator.kill()
            free(emulator) if small is by_tmpfs else None
            emulator.start()
            job = StoredJob(emulator, BUCKET, JOB)
            assert job.progress().started == ANSWERS // 2
            assert store_answers(job, given, b"secret") == (ANSWERS - ANSWERS // 2, True)
            site.now = time.time()
            site.run_until_ended()
            said = Counter(n for n, label in site.labels().items() for text in label.values() if text == str(n))
            count("full disk", "labelling", (ANSWERS - len(said), said.total() - len(said)), answers=ANSWERS)
        finally:
            emulator.kill()


def test_a_write_that_the_disk_refuses_changes_nothing(tmp_path: Path) -> None:
    emulator = start_emulator(tmp_path)
    try:
        s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=BUCKET, Key="kept", Body=b"first")
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
        part = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        before = s3.list_object_versions(Bucket=BUCKET)["Versions"]
        changes: dict[str, Callable[[], Any]] = {
            "replace": lambda: s3.put_object(Bucket=BUCKET, Key="kept", Body=b"second"),
            "new": lambda: s3.put_object(Bucket=BUCKET, Key="new", Body=b"x", IfNoneMatch="*"),
            "delete": lambda: s3.delete_object(Bucket=BUCKET, Key="kept"),
            "delete many": lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "kept"}]}),
            "copy": lambda: s3.copy_object(Bucket=BUCKET, Key="new", CopySource=f"{BUCKET}/kept"),
            "complete": lambda: s3.complete_multipart_upload(
                Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts
            ),
        }
        with by_limit(tmp_path) as (fill, free):
            fill(emulator)
            for what, change in changes.items():
                with pytest.raises(ClientError, match=r"InsufficientStorage.*nothing was stored"):
                    change()
                assert s3.list_object_versions(Bucket=BUCKET)["Versions"] == before, what
                assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"first", what
            free(emulator)
        changes["complete"]()
        changes["replace"]()
        emulator.kill()
        emulator.start()
        read = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in ("kept", "parts")}
        assert read == {"kept": b"second", "parts": b"part"}
        assert not list((tmp_path / "state").rglob("*.tmp"))
    finally:
        emulator.kill()


# -- the processes

PEOPLE = """
import sys, time
from portal_site import ADA, BEA, Site
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.queue import Verdict
from truepoint.task_queue.table import Table
bucket, table, name, ahead = *sys.argv[1:4], float(sys.argv[4])
site = Site(Bucket(bucket), Table(table), name)
while rows.job_key(site.key) not in site.table.get([rows.job_key(site.key)]):
    time.sleep(0.05)
given = True
while given:
    given = False
    for worker in (ADA, BEA):
        site.now = time.time() + ahead
        for line in site.take(worker, held=2):
            given = True
            if site.submit(line, worker) is Verdict.ACCEPTED:
                print(f"acknowledged {line} {worker}", flush=True)
"""
"""Two people who label, with the code of the portal's function."""

TICKS = """
import sys, time, uuid
import portal_tick
from portal_site import Site
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue.table import Table
bucket, table, name, ahead = *sys.argv[1:4], float(sys.argv[4])
site = Site(Bucket(bucket), Table(table), name)
while site.description["LabelingJobStatus"] == "InProgress" or not site.job.is_ended:
    site.now = time.time() + ahead
    portal_tick.tick(site.dependencies(), uuid.uuid4().hex)
"""
"""Ticks until the job has ended. Their clock is ahead, so that answers get their labels at once."""


@contextmanager
def process(emulator: Emulator, code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run code in a process of its own, as the account's root; it is killed at the end if it still runs."""
    folders = [PROJECT / "tests", PROJECT / "src", PROJECT / "src" / "handlers"]
    environment = emulator.environment() | {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "POWERTOOLS_SERVICE_NAME": "truepoint",
        "POWERTOOLS_METRICS_NAMESPACE": "truepoint",
    }
    command = [sys.executable, "-c", code, BUCKET, TABLE, JOB, *map(str, arguments)]
    with (emulator.folder / "processes.log").open("ab") as log:
        out = subprocess.PIPE if code == PEOPLE else log
        started = subprocess.Popen(command, env=environment, stdout=out, stderr=log, text=True)
    with started:
        try:
            yield started
        finally:
            started.kill()


def end_job(site: Site, most: int = 20) -> None:
    """Let people label and ticks run, in turns and a minute apart, until the job has ended.

    A line whose number a killed request took from the counter is offered again by a later tick. By then the people may
    have left, so they must return after the ticks.
    """
    for _ in range(most):
        site.label_all(ADA, BEA)
        site.tick()
        if site.job.is_ended:
            return
    slots = site.table.query(rows.queue_pk(site.key, 0))
    complete = site.table.query(rows.complete_pk(site.key))
    raise AssertionError(
        f"expected the job to end in {most} ticks, it is {site.job.status}: {site.job}, {site.state}, slots {slots}, "
        f"complete images {complete}, workers {[site.row(worker) for worker in (ADA, BEA)]}"
    )


def test_each_process_is_killed_at_any_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: Any) -> None:
    """The portal's process, that of its ticks, and the emulator, whose table is then as old as its last stop."""
    emulator = start_emulator(tmp_path)
    try:
        images = 12 * ROUNDS  # more are answered between two kills than the test waits for
        site = new_site(emulator, monkeypatch, images, workers=2)
        acknowledged: list[str] = []

        def read(people: subprocess.Popen[str], lines: int | None = None) -> None:
            assert people.stdout
            wanted = people.stdout if lines is None else (people.stdout.readline() for _ in range(lines))
            acknowledged.extend(line for line in wanted if line.endswith("\n") and line.startswith("acknowledged "))

        for number in range(ROUNDS):
            ahead = 300 * number  # the lease of a tick that was killed is over
            victim = ("people", "emulator", "ticks", "stop, then emulator")[number % 4]
            with process(emulator, TICKS, ahead + 200) as ticks, process(emulator, PEOPLE, ahead) as people:
                read(people, 3 + number % 2)
                time.sleep(0.02 * (number % 5))
                if victim == "ticks":
                    ticks.kill()
                    read(people, 2)
                elif victim == "emulator":
                    emulator.kill()
                people.kill()
                read(people)
            if victim == "stop, then emulator":  # the table on disk is not empty, but old
                emulator.restart()
                with process(emulator, TICKS, ahead + 500), process(emulator, PEOPLE, ahead + 300) as people:
                    read(people, 2)
                    emulator.kill()
                    people.kill()
                    read(people)
            if "emulator" in victim:
                emulator.start()
                forget_jobs(emulator, TABLE)  # as the demo does after a kill
        assert site.description["LabelingJobStatus"] != "Completed", "the job ended before the last kill"
        ahead = 300 * (ROUNDS + 2)
        with process(emulator, TICKS, ahead + 200), process(emulator, PEOPLE, ahead) as people:
            read(people)
            assert people.wait() == 0, (tmp_path / "processes.log").read_text()
        site.now = time.time() + ahead + 500
        end_job(site)
        assert site.description["LabelingJobStatus"] == "Completed"
        labels = site.labels()
        found = Counter((line, worker) for line, label in labels.items() for worker in label)
        for line, label in labels.items():
            assert label == {worker: f"{worker[1]}{line}" for worker in (ADA, BEA)}
        told = {(int(line), worker) for _, line, worker in map(str.split, acknowledged)}
        assert len(told) > 3 * ROUNDS
        assert told <= found.keys()
        count("SIGKILL of the portal, its ticks and the emulator", "labelling",
              (2 * images - len(found), found.total() - len(found)), rounds=ROUNDS, answers=len(told))  # fmt: skip
    finally:
        emulator.kill()
