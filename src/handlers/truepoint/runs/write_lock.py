"""A write lock per job, stored in S3.

Runs with the same content (manifest and settings) may write concurrently. A run with other content takes the lock and
then waits one Lambda timeout, so that no older invocation can still write.

S3 does not refuse a late write, and a run that is suspended before a write cannot know what happened meanwhile. But no
invocation lives longer than its timeout, and each checks the lock before it writes. One timeout after the lock was
acquired for other content, every invocation that saw it in the earlier state has ended. S3's clock dates the change.
The lock is replaced only if it is unchanged since it was read, so a new holder has read a manifest that is at least as
new as the previous holder's.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple
from uuid import uuid4

import msgspec

from truepoint.adapters.bucket import Bucket, ChangedError
from truepoint.adapters.environment import number
from truepoint.json_text import JsonError, decode
from truepoint.keys import job_keys
from truepoint.runs.plan import LockRecord

SECONDS_BETWEEN_RUNS = 960
"""The timeout of the functions that write results (template.yaml), in seconds, plus 60 s for requests still under way
when an invocation ends, and for the difference between S3's clock and ours."""
LARGEST = 1000
"""Maximum size of a lock file, in bytes. This module writes 150."""


class NotYetError(Exception):
    """Earlier runs with other content may still write, for at most `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"an earlier run of other content may still write for {seconds} seconds")
        self.seconds = seconds


class SupersededError(ChangedError):
    """A run with other content was planned later and holds the lock. The later run writes the results."""


class LockState(NamedTuple):
    """A job's lock as it was read.

    `record` and `etag` are None if the job has no lock yet. `age` is in seconds.
    """

    job: str
    record: LockRecord | None
    etag: str | None
    age: float


def look(job: str, store: Bucket) -> LockState:
    """Return the state of a job's lock.

    Data of the job that are read after this call are at least as new as those the lock's holder read.
    """
    stored = store.find_object(job_keys(job).write_lock, LARGEST)
    if stored is None:
        return LockState(job, None, None, 0.0)
    try:
        record = decode(stored.content, LockRecord)
    except JsonError:
        record = LockRecord(content="", id="")  # another program wrote it: wait as for any other holder
    return LockState(job, record, stored.etag, stored.age)


def acquire(state: LockState, content: str, store: Bucket) -> LockState:
    """Acquire the lock for runs with this content, and return its new state. From then on they may write.

    Raises:
        NotYetError: the lock was acquired, but earlier runs may still write.
        ChangedError: the lock changed since it was read.
    """
    record, pause = state.record, number("SECONDS_BETWEEN_RUNS", SECONDS_BETWEEN_RUNS)
    if record is None:
        return _replace(state, LockRecord(content=content, id=uuid4().hex), store)
    if record.content == content:
        if (left := record.wait - state.age) > 0:
            raise NotYetError(ceil(left))
        return _replace(state, LockRecord(content=content, id=uuid4().hex), store) if record.released else state
    wait = max(0, ceil(pause - state.age)) if record.released else pause
    taken = LockRecord(content=content, id=uuid4().hex, wait=wait)
    return acquire(_replace(state, taken, store), content, store)


def check(job: str, content: str, store: Bucket) -> LockState:
    """Return the lock's state if runs with this content hold it and may write. Call this before a step's first write.

    Raises:
        SupersededError: runs with other content hold the lock.
        ChangedError: the lock is missing, or runs with other content held it in between. Plan the run again.
    """
    state = look(job, store)
    if state.record is None:
        raise ChangedError(f"expected a write lock at s3://{store.name}/{job_keys(job).write_lock}, got none")
    if state.record.content != content:
        raise SupersededError(f"expected the write lock of {job} to be held for {content}, got {state.record.content}")
    try:
        return acquire(state, content, store)
    except NotYetError as error:
        raise ChangedError(f"expected {job} to keep its write lock, got one acquired again: {error}") from error


def release(state: LockState, store: Bucket) -> None:
    """Mark the lock as released. A run with other content then waits only for invocations that began earlier."""
    if state.record:
        try:
            _replace(state, LockRecord(content=state.record.content, id=uuid4().hex, released=True), store)
        except ChangedError:
            return  # a run with the same content released it, or a run with other content has acquired it


def _replace(state: LockState, record: LockRecord, store: Bucket) -> LockState:
    etag = store.swap(job_keys(state.job).write_lock, msgspec.json.encode(record), state.etag)
    return LockState(state.job, record, etag, 0.0)
