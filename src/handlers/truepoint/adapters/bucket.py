"""A bucket: the data plane of S3, by obstore (a tenth of boto3's CPU for a small object, and 20 ms to import)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    GenericError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from truepoint.adapters import odd_keys
from truepoint.adapters.environment import endpoint_url
from truepoint.adapters.odd_keys import ListedObject

CLIENT: Any = {"timeout": timedelta(seconds=10), "connect_timeout": timedelta(seconds=3)}
"""`timeout` is for a whole request, its body included: long for the 8 MB that one moves at most, and short enough that
one without an answer is tried again."""
RETRY: Any = {"max_retries": 8, "retry_timeout": timedelta(seconds=60)}
"""Half a minute of 503 SlowDown, or five tries without an answer. The timeout counts from a request's first try."""
TRIES = 3
"""Maximum number of tries of a whole operation. obstore retries a request that fails, but neither one whose answer
breaks off nor a multipart upload whose completion was not confirmed to the client."""
CHUNK = 4 * 1024 * 1024
"""Size of one ranged read, in bytes."""
PART = 8 * 1024 * 1024
"""Bytes of a part of an object that is written in parts: of 10,000, so of 80 GB at most."""
PARTS_AT_ONCE = 2
"""Maximum number of parts of one upload in flight, which limits memory."""
GATHERED = 256 * 1024
"""Size up to which small pieces are joined before a write, in bytes."""

T = TypeVar("T")


class NotReadableError(Exception):
    """An object that is missing or forbidden: S3 does not always distinguish them."""


class TooLargeError(NotReadableError):
    """An object that is larger than its reader's limit."""


class ChangedError(Exception):
    """An object that changed since it was found."""


class UnavailableError(Exception):
    """S3 failed after all attempts. A later retry may succeed; otherwise an operator must act."""


class StoredObject(NamedTuple):
    """An existing object: its ETag and its age by S3's clock, in seconds."""

    content: bytes
    etag: str
    age: float


class Bucket:
    """One bucket.

    Keys are plain text, without leading slash. Every method raises UnavailableError if S3 fails for good.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        endpoint = endpoint_url()
        # obstore takes no None for an option: on AWS, where no endpoint is set, none may be passed.
        where: Any = {"endpoint": endpoint} if endpoint else {}
        options: Any = {"allow_http": bool(endpoint and endpoint.startswith("http://")), **CLIENT}
        self._store = S3Store(name, client_options=options, retry_config=RETRY, **where)

    def read(self, key: str, etag: str | None = None, largest: int | None = None) -> bytes:
        """Return the whole object; with `etag`, only the version with this ETag.

        Raises:
            ChangedError: another ETag.
            TooLargeError: it has more than `largest` bytes.
            NotReadableError: missing or forbidden.
        """
        return self._get(key, etag, largest=largest)

    def find(self, key: str, largest: int) -> bytes | None:
        """Return the whole object, None if it is missing. The caller needs permission to list its prefix.

        Raises:
            NotReadableError: forbidden, or larger than `largest` bytes.
        """
        stored = self.look(key, largest)
        return None if stored is None else stored.content

    def look(self, key: str, largest: int) -> StoredObject | None:
        """Return the object like `find`, with the ETag that `swap` needs."""

        def get() -> StoredObject | None:
            try:
                _check(key)
                got = obstore.get(self._store, key)
            except FileNotFoundError:
                return None
            except (PermissionDeniedError, UnauthenticatedError, ValueError) as error:
                raise NotReadableError(f"s3://{self.name}/{key} may not be read") from error
            self._check_size(key, got.meta["size"], largest)
            age = (datetime.now(UTC) - got.meta["last_modified"]).total_seconds()
            return StoredObject(bytes(got.bytes()), _plain(got.meta["e_tag"]), age)

        return self._retry(key, get)

    def folders(self, prefix: str) -> list[str]:
        """Return the names of the folders directly below a prefix that ends in a slash, except an empty name."""

        def listed() -> list[str]:
            try:
                return list(obstore.list_with_delimiter(self._store, prefix.rstrip("/"))["common_prefixes"])
            except InvalidPathError:
                return odd_keys.folders(self.name, prefix)

        names = (folder.removeprefix(prefix).rstrip("/") for folder in self._retry(prefix, listed))
        return [name for name in names if name]

    def stream(self, key: str, start: int, end: int, etag: str | None = None) -> Iterator[bytes]:
        """Yield bytes `start` to `end` (exclusive) in pieces; with `etag`, only of the version with this ETag.

        A request for each piece, and the next while one is worked on: S3 gives a request, its body included, only so
        long, and who reads a manifest works on each line of it.

        Raises:
            ChangedError: another ETag, at the start or later.
            NotReadableError: as `read`.
        """
        starts = iter(range(start, end, CHUNK))

        def fetch(at: int) -> bytes:
            return self._get(key, etag, (at, min(at + CHUNK, end)))

        with ThreadPoolExecutor(1) as ahead:
            coming = [ahead.submit(fetch, at) for at in islice(starts, 1)]
            while coming:
                piece = coming.pop().result()
                coming += [ahead.submit(fetch, at) for at in islice(starts, 1)]
                yield piece

    def etag(self, key: str) -> str | None:
        """Return the object's ETag, None if it is missing."""
        entry = self.listed(key)
        return entry.etag if entry else None

    def first(self, keys: Sequence[str]) -> tuple[str, str | None]:
        """Return the first existing key and its ETag; the first key and None if no key exists."""
        candidates = ((key, self.etag(key)) for key in keys)
        return next(((key, etag) for key, etag in candidates if etag), (keys[0], None))

    def link(self, key: str, seconds: int) -> str:
        """Return a URL with which whoever has it can read this one object, for so long or until our credentials end.

        Raises:
            NotReadableError: a key that obstore cannot name.
        """
        try:
            _check(key)
            return str(obstore.sign(self._store, "GET", key, timedelta(seconds=seconds)))
        except ValueError as error:  # InvalidPathError is one
            raise NotReadableError(f"expected a key that can be linked to, got s3://{self.name}/{key}") from error

    def size(self, key: str) -> int:
        """Return the object's size in bytes, 0 if it is missing."""
        entry = self.listed(key)
        return entry.size if entry else 0

    def keys(self, folder: str, after: str) -> Iterator[str]:
        """Yield the keys below a folder that sort after `after`, in order."""

        def page() -> list[str]:
            try:
                listed = obstore.list(self._store, folder, offset=after, chunk_size=1000)
                # obstore drops a slash at the end: such a key would sort before itself, and come again for ever.
                return [entry["path"] for entry in next(listed, ()) if entry["path"] > after]
            except (InvalidPathError, ValueError):  # a key of the page, or the one before it
                return [entry.key for entry in odd_keys.page(self.name, f"{folder.rstrip('/')}/", after)]

        # Each page is a list of its own: one that breaks off cannot be gone on with.
        while names := self._retry(folder, page):
            yield from names
            after = names[-1]

    def write(self, key: str, content: bytes | Callable[[], Iterable[bytes]], content_type: str) -> None:
        """Replace the object atomically by bytes, or by pieces that are not all in memory and can be produced again."""
        attributes: Any = {"Content-Type": content_type}

        def put() -> None:
            if isinstance(content, bytes) and len(content) <= PART:
                try:
                    _check(key)
                    obstore.put(self._store, key, content, attributes=attributes, use_multipart=False)
                except ValueError:  # the key
                    odd_keys.write(self.name, key, content, content_type)
                return
            with obstore.open_writer(
                self._store, key, attributes=attributes, buffer_size=PART, max_concurrency=PARTS_AT_ONCE
            ) as out:  # an exception leaves no parts behind
                for piece in [content] if isinstance(content, bytes) else _gathered(content()):
                    out.write(piece)

        # OSError is all that obstore's writer knows. "Not found", which is one, is also what the second completion of
        # an upload is answered.
        self._retry(key, put, (GenericError, OSError))

    def swap(self, key: str, content: bytes, etag: str | None) -> str:
        """Replace the small object with this ETag (None: there must be no object), and return the new ETag.

        Raises:
            ChangedError: it is another one by now. One that has this very content is taken for our own.
        """
        mode: Any = {"e_tag": f'"{etag}"'} if etag else "create"

        def put() -> str:
            try:
                return _plain(obstore.put(self._store, key, content, mode=mode)["e_tag"])
            except (PreconditionError, AlreadyExistsError) as error:
                stored = self.look(key, PART)  # S3's answer to an earlier try may have been lost
                if stored is None or stored.content != content:
                    raise ChangedError(f"s3://{self.name}/{key} no longer has the ETag {etag}") from error
                return stored.etag

        return self._retry(key, put)

    def delete(self, *keys: str) -> None:
        """Delete objects, which may be missing."""

        def delete() -> None:
            try:
                obstore.delete(self._store, keys)
            except (TypeError, ValueError):  # one of the keys
                odd_keys.delete(self.name, keys)

        if keys:
            self._retry(keys[0], delete)

    def listed(self, key: str) -> ListedObject | None:
        """Return the object's entry in a listing, None if it is missing.

        S3 tells a missing object from a forbidden one only to those who may list its folder.
        """
        folder, _, _ = key.rpartition("/")

        def listed() -> list[ListedObject]:
            try:
                _check(key)
                entries = obstore.list_with_delimiter(self._store, folder)["objects"]
            except (InvalidPathError, ValueError):  # a key of the folder, or the folder itself
                return odd_keys.page(self.name, key)  # the key itself sorts before all that begin with it
            return [ListedObject(e["path"], _plain(e["e_tag"]), e["size"], e["last_modified"]) for e in entries]

        return next((entry for entry in self._retry(key, listed) if entry.key == key), None)

    def _get(
        self, key: str, etag: str | None, byte_range: tuple[int, int] | None = None, largest: int | None = None
    ) -> bytes:
        options: Any = {"if_match": f'"{etag}"'} if etag else {}
        if byte_range:
            options["range"] = byte_range

        def get() -> bytes:
            try:
                _check(key)
                got = obstore.get(self._store, key, options=options)
                self._check_size(key, got.meta["size"], largest)
                return bytes(got.bytes())
            except ValueError:  # the key
                self._check_size(key, 0 if largest is None else self.size(key), largest)
                return odd_keys.read(self.name, key, byte_range, etag)

        try:
            return self._retry(key, get)
        except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError) as error:
            raise NotReadableError(f"s3://{self.name}/{key} is missing or may not be read") from error
        except PreconditionError as error:
            raise ChangedError(f"s3://{self.name}/{key} no longer has the ETag {etag}") from error

    def _check_size(self, key: str, size: int, largest: int | None) -> None:
        if largest is not None and size > largest:
            raise TooLargeError(f"expected at most {largest} bytes, s3://{self.name}/{key} has {size}")

    def _retry(self, key: str, operation: Callable[[], T], passing: tuple[type[Exception], ...] = (GenericError,)) -> T:
        """Return the operation's result after at most `TRIES` tries. Every operation of a bucket is idempotent."""
        tried = 0
        while True:
            tried += 1
            try:
                return operation()
            except passing as error:
                if tried == TRIES:
                    raise UnavailableError(f"S3 failed {tried} times at s3://{self.name}/{key}") from error


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces into larger ones, because each piece handed to obstore costs time."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= GATHERED:
            yield bytes(held)
            held.clear()
    yield bytes(held)


def _check(key: str) -> None:
    """Raise what obstore should: it drops slashes at both ends, and would take another object."""
    if key != key.strip("/"):
        raise ValueError(f"expected a key without a slash at either end, got {key!r}")


def _plain(etag: str | None) -> str:
    return (etag or "").strip('"')
