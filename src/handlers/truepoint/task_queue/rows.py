"""The rows of the portal's DynamoDB table: their keys and fields. Nothing here calls AWS.

The table is an index of objects in the bucket. Times are seconds since 1970. In sort keys they are milliseconds with
leading zeros, so that the keys sort by time.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import msgspec

from truepoint.groundtruth.lost_events import ENDED_STATUSES

LINES_PER_PARTITION = 1000
"""Number of lines whose image rows share a partition key, so that one query reads a block of a manifest."""
FREE = "-"
"""First character of the holder in the sort key of a free slot."""
LAST = "~"
"""A text that sorts after every holder."""
RECENT = 10
"""Number of a worker's latest answers that the portal lists for correction."""

Item = dict[str, Any]


class Key(NamedTuple):
    """A row's partition key and sort key."""

    pk: str
    sk: str


JOBS = "JOBS"
PEOPLE = "PEOPLE"
FOLDERS = "FOLDERS"


def job_key(job: str) -> Key:
    """Return the key of a job's row."""
    return Key(f"J#{job}", "job")


def cursor_key(job: str) -> Key:
    """Return the key of the counter of open lines that have been assigned so far.

    The counter has a row of its own, so that writes of leads and of workers do not conflict.
    """
    return Key(f"J#{job}", "cursor")


def tick_key(job: str) -> Key:
    """Return the key of the lease of the process that advances the job, which also holds the job's progress."""
    return Key(f"J#{job}", "tick")


def folder_key(folder: str) -> Key:
    """Return the key of the row of a folder below `jobs/` that is not, or not yet, a job of the portal."""
    return Key(FOLDERS, folder)


def listed_key(job: str) -> Key:
    """Return the key of a job's entry in the list of all jobs."""
    return Key(JOBS, job)


def person_key(worker: str) -> Key:
    """Return the key of a person's row. `worker` is the pseudonym."""
    return Key(PEOPLE, worker)


def queue_pk(job: str, shard: int) -> str:
    """Return the partition key of a shard of a job's queue."""
    return f"J#{job}#Q#{shard}"


def slot_sk(due: float, line: int, holder: str) -> str:
    """Return the sort key of a slot that is available from the time `due` on."""
    return f"{milliseconds(due)}#{line:09d}#{holder}"


def image_key(job: str, line: int) -> Key:
    """Return the key of an image's row, which exists once the image was assigned."""
    return Key(f"J#{job}#I#{line // LINES_PER_PARTITION}", f"{line:09d}")


def worker_pk(job: str) -> str:
    """Return the partition key of all workers of a job."""
    return f"J#{job}#W"


def worker_key(job: str, worker: str) -> Key:
    """Return the key of a worker's row in a job."""
    return Key(worker_pk(job), worker)


def complete_pk(job: str) -> str:
    """Return the partition key of images that have all their answers and no label."""
    return f"J#{job}#F"


def complete_key(job: str, time: float, line: int) -> Key:
    """Return the key of an image's entry among those that have all their answers, which sort by `time`."""
    return Key(complete_pk(job), f"{milliseconds(time)}#{line:09d}")


def trouble_pk(job: str) -> str:
    """Return the partition key of the lines for which no task input could be made."""
    return f"J#{job}#P"


def trouble_key(job: str, line: int) -> Key:
    """Return the key of the row of a line for which no task input could be made."""
    return Key(trouble_pk(job), f"{line:09d}")


def skips_pk(job: str) -> str:
    """Return the partition key of a job's skips."""
    return f"J#{job}#S"


def skip_key(job: str, line: int, worker: str) -> Key:
    """Return the key of one skip's row."""
    return Key(skips_pk(job), f"{line:09d}#{worker}")


def slot_row(location: LineLocation, not_for: list[str]) -> Item:
    """Return the row of a slot. It is not offered to the workers `not_for`."""
    return {"line": location.line, "offset": location.offset, "length": location.length, "not_for": not_for}


def job_of(pk: str, sk: str) -> str:
    """Return the key of the job to which a row belongs; empty if it belongs to none."""
    return sk if pk in (JOBS, FOLDERS) else pk.split("#")[1] if pk.startswith("J#") else ""


def shard_of(line: int, shards: int) -> int:
    """Return the shard of the queue that holds the slots of a line."""
    return line % shards


def milliseconds(time: float) -> str:
    """Return a time in seconds as text in milliseconds that sorts by time."""
    return f"{max(0, round(time * 1000)):013d}"


def time_of(sk: str) -> float:
    """Return the time with which a sort key begins, in seconds."""
    return int(sk[:13]) / 1000


class Job(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A job's row.

    `lines` is the number of lines of the manifest, `open` the number of those that need labels. `everyone` says whether
    every signed-in person may label. `drained` is a time at which all requests that saw the job open have ended; the
    job ends no sooner. `ends_as` is the final status of a job that is `Stopping`. `problem` says why the job cannot
    proceed. `generation` is the number of times the job was reopened. `arn` is spelled as in events. `manifest` is the
    key of the input manifest, `etag` its ETag. `pre_annotation` is the ARN of the function that returns task inputs.
    """

    name: str
    status: str
    arn: str = ""
    manifest: str = ""
    etag: str = ""
    pre_annotation: str = ""
    title: str = ""
    description: str = ""
    lines: int = 0
    open: int = 0
    shards: int = 1
    workers_per_image: int = 1
    time_limit: float = 3600.0
    deadline: float = 0.0
    created: float = 0.0
    paused: bool = False
    everyone: bool = True
    ends_as: str = ""
    drained: float = 0.0
    gold: list[int] = []
    problem: str = ""
    generation: int = 0
    total_labelled: int = 0
    total_failed: int = 0

    @property
    def key(self) -> str:
        """The job's name as rows and our own S3 keys spell it."""
        return self.name.lower()

    @property
    def is_ended(self) -> bool:
        """Whether the job's output is complete."""
        return self.status in ENDED_STATUSES

    @property
    def is_open(self) -> bool:
        """Whether the job accepts answers."""
        return self.status == "InProgress" and not self.paused


class Person(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A person's row, written at each sign-in. A session is valid only while the row exists."""

    name: str = ""
    email: str = ""
    lead: bool = False
    signed_in: float = 0.0


class LineLocation(NamedTuple):
    """The location of a line in the manifest: its number, the offset of its first byte, its length in bytes."""

    line: int
    offset: int
    length: int


class Lease(msgspec.Struct, kw_only=True):
    """A worker's lease on an image.

    `slot` is the slot's sort key. `offset` and `length` locate the manifest line, in bytes. `since` and `until` are the
    start and the end of the lease.
    """

    line: int
    slot: str
    offset: int
    length: int
    since: float
    until: float

    @property
    def location(self) -> LineLocation:
        """The location of the image's line."""
        return LineLocation(self.line, self.offset, self.length)


class Worker(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A worker's row in a job.

    `after` gives for each shard the sort key up to which no slot is usable for the worker. `gold_sum` is the sum of the
    similarities of `gold_answers` answers to gold images. `revision` counts changes by the worker's own requests, for
    optimistic locking.
    """

    leases: list[Lease] = []
    after: dict[str, str] = {}
    recent: list[int] = []
    answers: int = 0
    seconds: float = 0.0
    skips: int = 0
    gold_answers: int = 0
    gold_sum: float = 0.0
    paused: bool = False
    member: bool = False
    last: float = 0.0
    revision: int = 0

    @property
    def gold_similarity(self) -> float:
        """Mean similarity of the worker's answers to gold, from 0 to 1; 0 if there are none."""
        return self.gold_sum / self.gold_answers if self.gold_answers else 0.0

    def lease_of(self, line: int) -> Lease | None:
        """Return the lease on a line, even if it expired."""
        return next((lease for lease in self.leases if lease.line == line), None)


class TickState(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """The tick's progress with a job, stored in the row of the job's lease. Times are in seconds since 1970.

    Attributes:
        swept: number of open lines, counted from the first one, that were handed out and have a row.
        handed: number of open lines that were handed out at `handed_at`.
        handed_at: time at which `handed` was read.
        looked: time up to which expired leases were processed, by shard.
        generation: the last generation of the job whose images were put into the queue again.
        reopened: number of blocks of images that were put into the queue again in the present generation.
        worked: time of the consolidation function's last success.
        proof: key of the request of that success.
        stuck: number of consecutive ticks in which the function only failed.
        rest: time until which the function is not called.
        phase: the last finished phase of the job's end: `cleared`, `gathered` or `written`; empty before.
        block: number of blocks of images that were processed in the present phase.
        lines, offset: the next line of the output and its position in the manifest.
        record: number of open lines before it.
        labelled, failed: counts of the lines before it.
        segments: number of segments of the output that are written.
    """

    swept: int = 0
    handed: int = 0
    handed_at: float = 0.0
    looked: dict[str, float] = {}
    generation: int = 0
    reopened: int = 0
    worked: float = 0.0
    proof: str = ""
    stuck: int = 0
    rest: float = 0.0
    phase: str = ""
    block: int = 0
    lines: int = 0
    offset: int = 0
    record: int = 0
    labelled: int = 0
    failed: int = 0
    segments: int = 0


class Done(msgspec.Struct, kw_only=True):
    """An answer for an image: the S3 key of its file, the file's size in bytes, and when it was submitted."""

    key: str
    size: int = 0
    time: float = 0.0


class Image(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """An image's row.

    `done` has the answers by pseudonym, `declined` the pseudonyms of workers who skipped the image. `label` is the key
    of the consolidation response with its label; `failure` says why there is none. `changes` counts changes of the row,
    for optimistic locking.
    """

    offset: int = 0
    length: int = 0
    done: dict[str, Done] = {}
    declined: list[str] = []
    changes: int = 0
    label: str = ""
    failure: str = ""
    generation: int = 0

    @property
    def is_closed(self) -> bool:
        """Whether the image accepts no more answers."""
        return bool(self.label or self.failure)


def read(item: Item | None, kind: Any) -> Any:
    """Return a row as `kind`; with all defaults if `item` is None.

    Raises:
        ValueError: the row does not have the fields of this type.
    """
    fields = {name: value for name, value in (item or {}).items() if name not in ("pk", "sk")}
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"expected a row of the type {kind.__name__}, got {error}") from error


def home_shard(worker: str, answers: int, shards: int) -> int:
    """Return the shard that a worker searches first. It changes with each answer, so few workers reach every shard."""
    return (zlib.crc32(worker.encode()) + answers) % shards
