"""The bucket: large objects in pieces, listings, deletions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import boto3
import pytest

from sample_events import BUCKET
from truepoint.adapters import environment
from truepoint.adapters.bucket import Bucket, ChangedError, NotReadableError, TooLargeError


def test_pieces_are_written_in_parts_or_not_at_all(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("truepoint.adapters.bucket.PART", 5 * 1024 * 1024)
    monkeypatch.setattr("truepoint.adapters.bucket.GATHERED", 1000)
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


def test_an_empty_object_is_written_and_read(s3: Any) -> None:
    store = Bucket(BUCKET)
    for content in (b"", lambda: []):
        store.write("tmp/empty", content, "application/json")
        assert store.read("tmp/empty") == b""
    assert list(store.stream("tmp/empty", 0, 0)) == []


@pytest.mark.parametrize("chunk", [1, 4, 10, 11])
@pytest.mark.parametrize(("start", "end"), [(0, 10), (3, 7), (9, 10), (4, 4)])
def test_a_range_comes_in_pieces(s3: Any, monkeypatch: pytest.MonkeyPatch, chunk: int, start: int, end: int) -> None:
    monkeypatch.setattr("truepoint.adapters.bucket.CHUNK", chunk)
    s3.put_object(Bucket=BUCKET, Key="tmp/digits", Body=b"0123456789")
    store = Bucket(BUCKET)
    pieces = list(store.stream("tmp/digits", start, end, store.etag("tmp/digits")))
    assert b"".join(pieces) == b"0123456789"[start:end]
    assert len(pieces) == -(-(end - start) // chunk)


def test_listing_starts_after_a_key_and_stays_in_the_folder(s3: Any) -> None:
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
def test_an_environment_variable_that_is_no_number_is_an_error(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LARGEST_RANGE", value)
    with pytest.raises(RuntimeError, match="expected the environment variable LARGEST_RANGE to be a positive integer"):
        environment.number("LARGEST_RANGE", 7)


ODD_KEYS = (
    "tmp/a//b",
    "tmp/a/./b",
    "tmp/a/../b",
    "tmp/a/..",
    "tmp/a/b//",
    "tmp/a//",
    "tmp//a/b",
    "tmp/a/\x01b",
    "tmp/a/b\x7f",
)
"""Keys that S3 allows and obstore refuses (obstore#429)."""


@pytest.mark.parametrize("key", ODD_KEYS)
def test_a_key_that_obstore_refuses_hides_no_other(s3: Any, key: str) -> None:
    for other in ("tmp/a/0001-x", "tmp/a/sub/y", "tmp/ab/z"):
        s3.put_object(Bucket=BUCKET, Key=other, Body=b"other")
    etag = s3.put_object(Bucket=BUCKET, Key=key, Body=b"0123456789")["ETag"].strip('"')
    store = Bucket(BUCKET)
    assert store.etag("tmp/a/0001-x")
    assert store.etag("tmp/a/0002-x") is None
    assert store.size("tmp/a/0001-x") == 5
    assert {"a", "ab"} <= set(store.folders("tmp/"))
    assert "sub" in store.folders("tmp/a/")
    assert "" not in store.folders("tmp/")
    assert {"tmp/a/0001-x", "tmp/a/sub/y", "tmp/ab/z"} <= set(store.keys("tmp/", after="tmp/"))
    assert store.read("tmp/a/0001-x") == b"other"

    assert (store.etag(key), store.size(key)) == (etag, 10)
    assert store.read(key) == store.read(key, etag) == store.find(key, 10) == b"0123456789"
    assert store.find(f"{key}/not-there", 10) is None
    with pytest.raises(TooLargeError):
        store.find(key, 9)
    assert b"".join(store.stream(key, 2, 7, etag)) == b"23456"
    with pytest.raises(ChangedError):
        store.read(key, "another")
    with pytest.raises(NotReadableError):
        store.read(f"{key}/not-there")
    store.write(key, b"new", "text/plain")
    assert store.read(key) == b"new"
    store.delete(key, "tmp/ab/z")
    assert store.etag(key) is store.etag("tmp/ab/z") is None
    assert store.read("tmp/a/0001-x") == b"other"


@pytest.mark.parametrize("last", ["tmp/a/old/", "tmp/z/", "tmp/a/old"])
def test_a_listing_ends_with_any_last_key(s3: Any, last: str) -> None:
    """The console's "Create folder" makes keys that end in a slash."""
    for key in ("tmp/a/0001-x", "tmp/a/old!", last):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert set(islice(Bucket(BUCKET).keys("tmp/", after="tmp/"), 10)) == {
        "tmp/a/0001-x",
        "tmp/a/old!",
        last.rstrip("/"),
    }


def test_a_slash_at_an_end_is_part_of_the_key(s3: Any) -> None:
    for key in ("a.txt", "/a.txt", "a.txt/"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    store = Bucket(BUCKET)
    for key in ("a.txt", "/a.txt", "a.txt/"):
        assert store.read(key) == key.encode()
        assert store.size(key) == len(key)


def test_on_aws_no_endpoint_is_set(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda sets no endpoint variable, and the template's own is empty."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("ENDPOINT_URL", "")
    store = Bucket(BUCKET)._store
    assert "endpoint" not in store.config
    assert store.client_options
    assert boto3.client("s3").meta.endpoint_url == "https://s3.amazonaws.com"
