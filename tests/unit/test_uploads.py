from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.uploads import MOST_UNFINISHED, Uploads


class SlowBucket:
    """A bucket whose writes wait until `answer` is set; a write of a key in `failing` then fails."""

    def __init__(self, *failing: str) -> None:
        self.answer = threading.Event()
        self.failing = failing
        self.written: list[str] = []

    def write(self, key: str, content: Any, content_type: str) -> None:  # noqa: ARG002
        self.answer.wait()
        if key in self.failing:
            raise OSError(key)
        self.written.append(key)


def uploads(bucket: SlowBucket, at_once: int = 2) -> Uploads:
    return Uploads(cast(Bucket, bucket), at_once)


def test_small_files_are_queued_while_no_write_finishes() -> None:
    bucket = SlowBucket()
    with uploads(bucket) as writes:
        for n in range(500):
            writes.put(str(n), b"x" * 20_000)
        assert bucket.written == []
        bucket.answer.set()
    assert sorted(bucket.written, key=int) == [str(n) for n in range(500)]


def test_a_write_that_exceeds_the_limit_waits_for_another() -> None:
    bucket = SlowBucket()
    with uploads(bucket) as writes:
        writes.put("first", b"x" * MOST_UNFINISHED)
        threading.Timer(0.2, bucket.answer.set).start()
        writes.put("second", b"x")  # returns only after the first write
        assert "first" in bucket.written
    assert bucket.written == ["first", "second"]


def test_the_error_of_a_write_is_raised_at_the_latest_at_the_end() -> None:
    bucket = SlowBucket("b")
    bucket.answer.set()
    with pytest.raises(OSError, match="b"), uploads(bucket) as writes:
        for key in "abc":
            writes.put(key, b"")
