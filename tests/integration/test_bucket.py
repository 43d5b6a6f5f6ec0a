"""The bucket: large objects in pieces, listings, deletions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters import environment
from adapters.bucket import Bucket
from sample_events import BUCKET


def test_pieces_are_written_in_parts_or_not_at_all(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.bucket.PART", 5 * 1024 * 1024)
    monkeypatch.setattr("adapters.bucket.GATHERED", 1000)
    pieces = [bytes([n % 256]) * 4000 for n in range(3000)]
    store = Bucket(BUCKET)
    store.write("tmp/large", lambda: pieces, "application/json")
    found = s3.get_object(Bucket=BUCKET, Key="tmp/large")
    assert found["Body"].read() == b"".join(pieces)
    assert found["ContentType"] == "application/json"
    assert found["ETag"].endswith('-3"')

    def broken() -> Iterator[bytes]:
        yield from pieces
        raise ValueError("a line is not what it should be")

    with pytest.raises(ValueError, match="not what it should be"):
        store.write("tmp/large", broken, "application/json")
    assert s3.get_object(Bucket=BUCKET, Key="tmp/large")["ETag"] == found["ETag"]
    assert s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []


def test_what_is_empty_is_written_and_read(s3: Any) -> None:
    store = Bucket(BUCKET)
    for content in (b"", lambda: []):
        store.write("tmp/empty", content, "application/json")
        assert store.read("tmp/empty") == b""
    assert list(store.stream("tmp/empty", 0, 0)) == []


@pytest.mark.parametrize("chunk", [1, 4, 10, 11])
@pytest.mark.parametrize(("start", "end"), [(0, 10), (3, 7), (9, 10), (4, 4)])
def test_a_range_comes_in_pieces(s3: Any, monkeypatch: pytest.MonkeyPatch, chunk: int, start: int, end: int) -> None:
    monkeypatch.setattr("adapters.bucket.CHUNK", chunk)
    s3.put_object(Bucket=BUCKET, Key="tmp/digits", Body=b"0123456789")
    store = Bucket(BUCKET)
    pieces = list(store.stream("tmp/digits", start, end, store.etag("tmp/digits")))
    assert b"".join(pieces) == b"0123456789"[start:end]
    assert len(pieces) == -(-(end - start) // chunk)


def test_keys_behind_another_in_order_and_of_one_folder_only(s3: Any) -> None:
    for key in ("a/0001-x", "a/0002-y", "a/0010-z", "ab/0003"):
        s3.put_object(Bucket=BUCKET, Key=f"tmp/{key}", Body=b"")
    store = Bucket(BUCKET)
    assert list(store.keys("tmp/a/", after="tmp/a/0002")) == ["tmp/a/0002-y", "tmp/a/0010-z"]
    assert list(store.keys("tmp/a/", after="tmp/a/9")) == []
    store.delete("tmp/a/0001-x", "tmp/a/0010-z", "tmp/a/not-there")
    store.delete()
    assert list(store.keys("tmp/", after="tmp/")) == ["tmp/a/0002-y", "tmp/ab/0003"]


@pytest.mark.parametrize(("value", "found"), [(None, 7), ("", 7), ("1", 1), ("134217728", 134217728)])
def test_a_number_of_the_environment(monkeypatch: pytest.MonkeyPatch, value: str | None, found: int) -> None:
    monkeypatch.delenv("LARGEST_RANGE", raising=False)
    if value is not None:
        monkeypatch.setenv("LARGEST_RANGE", value)
    assert environment.number("LARGEST_RANGE", 7) == found


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "\u0661"])
def test_a_number_that_is_none_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LARGEST_RANGE", value)
    with pytest.raises(RuntimeError, match="expected the environment variable LARGEST_RANGE to be a positive integer"):
        environment.number("LARGEST_RANGE", 7)
