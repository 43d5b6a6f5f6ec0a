"""Turns: which runs may write a job's results. All that make the same of the same may at any time; one that makes
something else takes the turn and waits until nothing of the runs before can write any more. The bucket is passed in.

S3 does not refuse a late write, and a run that stands still before one cannot know what happened meanwhile. But no
invocation lives longer than its timeout, and each looks whose turn it is before it writes: one timeout after the turn
was taken, nobody is left who saw it with another. S3's clock tells when that was; the turn is replaced under the
condition that it is still the one that was seen, so who takes it knows a manifest as new as the holder's, or newer.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple
from uuid import uuid4

import msgspec

from adapters.bucket import Bucket, ChangedError
from adapters.environment import number
from keypoints.keys import job_keys
from keypoints.run import Turn

SECONDS_BETWEEN_RUNS = 960
"""The timeout of the functions that write results (template.yaml), and a minute: for what S3 was asked at the end of
it, and for its clock to be another than ours."""
LARGEST = 1000
"""Bytes: ours have 150."""


class NotYetError(Exception):
    """Runs before this one may still write, for so many `seconds` at most."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"an earlier run of other content may still write for {seconds} seconds")
        self.seconds = seconds


class SupersededError(ChangedError):
    """A run of other content was planned later and has taken the turn: the results are its to make."""


class Seen(NamedTuple):
    """A job's turn as it was read: `age` in seconds, the ETag by which it is replaced; None if nobody has had one."""

    job: str
    turn: Turn | None
    etag: str | None
    age: float


def look(job: str, store: Bucket) -> Seen:
    """The job's turn. What of the job is read later than this is at least as new as what the turn's holder has read."""
    found = store.look(job_keys(job).write_lock, LARGEST)
    if found is None:
        return Seen(job, None, None, 0.0)
    try:
        turn = msgspec.json.decode(found.content, type=Turn)
    except (msgspec.MsgspecError, UnicodeError):
        turn = Turn(of="", id="")  # nobody of ours has written that: all the more reason to wait
    return Seen(job, turn, found.etag, found.age)


def take(seen: Seen, of: str, store: Bucket) -> Seen:
    """Have the turn for runs of this content, and return it: from now on they may write.

    Raises:
        NotYetError: they have it, but may not write yet.
        ChangedError: the turn is no longer as it was seen.
    """
    turn, between = seen.turn, number("SECONDS_BETWEEN_RUNS", SECONDS_BETWEEN_RUNS)
    if turn is None:
        return _replace(seen, Turn(of=of, id=uuid4().hex), store)
    if turn.of == of:
        if (left := turn.wait - seen.age) > 0:
            raise NotYetError(ceil(left))
        return _replace(seen, Turn(of=of, id=uuid4().hex), store) if turn.over else seen
    wait = max(0, ceil(between - seen.age)) if turn.over else between
    taken = Turn(of=of, id=uuid4().hex, wait=wait)
    return take(_replace(seen, taken, store), of, store)


def hold(job: str, of: str, store: Bucket) -> Seen:
    """The turn, if runs of this content have it and may write. To be called before a step's first write.

    Raises:
        SupersededError: runs of other content have it.
        ChangedError: they had it in between, or it is so old that it was removed. The run is to be planned again.
    """
    seen = look(job, store)
    if seen.turn is None:
        raise ChangedError(f"expected a turn at s3://{store.name}/{job_keys(job).write_lock}, got none")
    if seen.turn.of != of:
        raise SupersededError(f"expected it to be the turn of {of} to write {job}, got {seen.turn.of}")
    try:
        return take(seen, of, store)
    except NotYetError as error:
        raise ChangedError(f"the turn to write {job} was lost and taken again: {error}") from error


def end(seen: Seen, store: Bucket) -> None:
    """The results are complete: whoever comes with other content need wait only for what began before this."""
    if seen.turn:
        try:
            _replace(seen, Turn(of=seen.turn.of, id=uuid4().hex, over=True), store)
        except ChangedError:
            return  # another run of the same content has ended it, or one of other content waits for it as it is


def _replace(seen: Seen, turn: Turn, store: Bucket) -> Seen:
    etag = store.swap(job_keys(seen.job).write_lock, msgspec.json.encode(turn), seen.etag)
    return Seen(seen.job, turn, etag, 0.0)
