"""The rows of the portal's one DynamoDB table: keys, and what each row holds. Pure.

The table is an index of what the bucket holds. Times are seconds since 1970; within sort keys they are milliseconds
with leading zeros, so that their order is the order of the text.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

import msgspec

LINES_PER_PARTITION = 1000
"""Image rows that share a partition key: one query reads a block of a manifest."""
FREE = "-"
"""Begins the holder of a slot that no worker holds."""
LAST = "~"
"""Sorts behind every holder."""
RECENT = 10
"""Answers of a worker that the portal lists for correction."""

Item = dict[str, Any]


class Key(NamedTuple):
    """A row's partition key and sort key."""

    pk: str
    sk: str


JOBS = "JOBS"
PEOPLE = "PEOPLE"


def job_key(job: str) -> Key:
    """The row of a job: what a request needs to know of it."""
    return Key(f"J#{job}", "job")


def cursor_key(job: str) -> Key:
    """Return the key of the counter of open lines that were assigned for the first time.

    The counter has a row of its own, so that writes of leads and of workers do not conflict.
    """
    return Key(f"J#{job}", "cursor")


def tick_key(job: str) -> Key:
    """The lease of the process that brings the job forward."""
    return Key(f"J#{job}", "tick")


def listed_key(job: str) -> Key:
    """The entry of a job in the list of all jobs."""
    return Key(JOBS, job)


def person_key(worker: str) -> Key:
    """The row of a person, by pseudonym."""
    return Key(PEOPLE, worker)


def queue_pk(job: str, shard: int) -> str:
    """The partition of a shard of a job's queue."""
    return f"J#{job}#Q#{shard}"


def slot_sk(due: float, line: int, holder: str) -> str:
    """The sort key of a slot that is available from `due` on."""
    return f"{milliseconds(due)}#{line:09d}#{holder}"


def image_key(job: str, line: int) -> Key:
    """The row of an image that somebody has seen."""
    return Key(f"J#{job}#I#{line // LINES_PER_PARTITION}", f"{line:09d}")


def worker_pk(job: str) -> str:
    """The partition of all workers of a job."""
    return f"J#{job}#W"


def worker_key(job: str, worker: str) -> Key:
    """The row of a worker in a job."""
    return Key(worker_pk(job), worker)


def complete_pk(job: str) -> str:
    """The partition of images that have all their answers and no label."""
    return f"J#{job}#F"


def complete_key(job: str, time: float, line: int) -> Key:
    """The row of a complete image, in the order in which images were completed."""
    return Key(complete_pk(job), f"{milliseconds(time)}#{line:09d}")


def skips_pk(job: str) -> str:
    """The partition of the images that workers skipped."""
    return f"J#{job}#S"


def skip_key(job: str, line: int, worker: str) -> Key:
    """The row of one skip."""
    return Key(skips_pk(job), f"{line:09d}#{worker}")


def shard_of(line: int, shards: int) -> int:
    """The shard of the queue that holds the slots of a line."""
    return line % shards


def milliseconds(time: float) -> str:
    """A time as text that sorts."""
    return f"{max(0, round(time * 1000)):013d}"


def time_of(sk: str) -> float:
    """The time that a sort key begins with."""
    return int(sk[:13]) / 1000


class Job(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A job's row.

    `lines` counts the lines of the manifest, `open` those that need labels. `everyone` says whether every signed-in
    person may label. `drained` is when the last request that saw the job open has ended. `problem` says what keeps
    the job from going on. `generation` counts how often the job was reopened. `arn` is the job's as events spell it,
    `manifest` the key of its input manifest, `pre_annotation` the ARN of the function that makes task inputs.
    """

    name: str
    status: str
    arn: str = ""
    manifest: str = ""
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
    swept: int = 0
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
        return self.status in ("Completed", "Stopped", "Failed")

    @property
    def is_open(self) -> bool:
        """Whether the job takes answers."""
        return self.status == "InProgress" and not self.paused


class Person(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A person's row, written at each sign-in. Without one nobody is signed in, whatever their cookie says."""

    name: str = ""
    email: str = ""
    lead: bool = False
    signed_in: float = 0.0


class Lease(msgspec.Struct, kw_only=True):
    """A worker's hold on an image: the slot's sort key, where its manifest line is, and since and until when."""

    line: int
    slot: str
    offset: int
    length: int
    since: float
    until: float


class Worker(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """A worker's row in a job.

    `after` holds, by shard, the sort key up to which no slot is usable for the worker.
    `revision` counts changes by the worker's own requests; each names the one before.
    """

    leases: list[Lease] = []
    after: dict[str, str] = {}
    recent: list[int] = []
    answers: int = 0
    seconds: float = 0.0
    skips: int = 0
    gold_answers: int = 0
    gold_similarity: float = 0.0
    paused: bool = False
    member: bool = False
    last: float = 0.0
    revision: int = 0

    def lease_of(self, line: int) -> Lease | None:
        """The lease on a line, even if it has run out."""
        return next((lease for lease in self.leases if lease.line == line), None)


class Done(msgspec.Struct, kw_only=True):
    """An answer of an image: the S3 key of its file, its size in bytes, and when it was submitted."""

    key: str
    size: int = 0
    time: float = 0.0


class Image(msgspec.Struct, kw_only=True, forbid_unknown_fields=False):
    """An image's row.

    `label` is the key of the consolidation response with its label; `failure` says why there is none.
    `changes` counts answers and corrections.
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
        """Whether the image takes no more answers."""
        return bool(self.label or self.failure)


def read(item: Item | None, kind: Any) -> Any:
    """Return a row as its type; all defaults if there is none.

    Raises:
        ValueError: the row is not of this type.
    """
    fields = {name: value for name, value in (item or {}).items() if name not in ("pk", "sk")}
    try:
        return msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"expected a row of the type {kind.__name__}, got {error}") from error


def home_shard(worker: str, answers: int, shards: int) -> int:
    """The shard where a worker looks first. It changes with each answer: few workers still reach every shard."""
    return (zlib.crc32(worker.encode()) + answers) % shards
