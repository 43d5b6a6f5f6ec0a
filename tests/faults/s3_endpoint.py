"""A misbehaving S3: one bucket in memory, spoken to over HTTP, that fails as it is told and remembers every state that
a reader could have seen.

It knows what a client needs to read, list, write (in parts too) and delete objects, as in
https://docs.aws.amazon.com/AmazonS3/latest/API/; signatures are not looked at. moto's server knows more, but never
fails, and a proxy before it could lose an answer, but would not know what the bucket held in between.
"""

from __future__ import annotations

import hashlib
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape, unescape

Request = Literal["get", "head", "list", "put", "delete", "delete_many", "create", "part", "complete", "abort"]
How = Literal[
    "slow_down", "internal_error", "precondition_failed", "forbidden", "silent", "silent_after", "reset", "reset_after",
    "truncated", "slow", "error_in_body",
]  # fmt: skip
"""`_after`: the request was applied, only the client does not hear of it. `silent`: no answer, the connection stays
open. `truncated`: half of the announced body. `slow`: the body in sixteen pieces, a twentieth of a second apart.
`error_in_body`: 200, and then an error, which S3 does where it answers before it has done the work."""

ERRORS: dict[str, tuple[int, str]] = {
    "slow_down": (503, "SlowDown"),
    "internal_error": (500, "InternalError"),
    "precondition_failed": (412, "PreconditionFailed"),
    "forbidden": (403, "AccessDenied"),
    "error_in_body": (200, "InternalError"),
}


@dataclass
class Fault:
    """What happens to `times` requests of a kind whose key ends in `key`, after the first `skip` of them."""

    how: How
    on: Request
    key: str = ""
    skip: int = 0
    times: int = 1
    met: int = 0

    def takes(self, kind: Request, key: str) -> bool:
        """Whether this request meets the fault; counts it."""
        if kind != self.on or not key.endswith(self.key):
            return False
        self.met += 1
        return self.skip < self.met <= self.skip + self.times


State = dict[str, bytes]
Hook = Callable[[int, Request, str], None]


@dataclass
class Endpoint:
    """The bucket, by any name, below `url`. Use as a context manager.

    `before` and `after` are called, if set, with the number of a request, from 1, and what it is: before it is applied,
    and once it is, but not answered.
    """

    objects: State = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    changes: list[tuple[str, bytes | None]] = field(default_factory=list)
    before: Hook | None = None
    after: Hook | None = None
    written: dict[str, float] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    upload_ids: Iterator[int] = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Endpoint:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.endpoint = self
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def begin(self, objects: State, *faults: Fault) -> None:
        """Start over with these objects and faults; what was seen before is forgotten."""
        with self.lock:
            self.objects, self.faults = dict(objects), list(faults)
            self.requests, self.changes, self.uploads = Counter(), [], {}
            self.before = self.after = None
            self.written = dict.fromkeys(objects, time.time())
            self._first = dict(objects)

    def states(self) -> Iterator[State]:
        """Every state of the bucket since `begin`, one for each change. The same dictionary, changed in place."""
        state = dict(self._first)
        yield state
        for key, body in self.changes:
            if body is None:
                state.pop(key, None)
            else:
                state[key] = body
            yield state

    def set(self, key: str, body: bytes | None) -> None:
        """Change one object, as somebody else might; None removes it."""
        with self.lock:
            self.change(key, body)

    def change(self, key: str, body: bytes | None) -> None:
        """The same for who holds the lock."""
        if body is None:
            self.objects.pop(key, None)
        else:
            self.objects[key] = body
            self.written[key] = time.time()
        self.changes.append((key, body))


def etag(body: bytes) -> str:
    """As S3 gives it for an object written whole."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    endpoint: Endpoint

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone, or was killed, is what this is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def handle_any(self) -> None:
        """One request, from its first line to its answer, or to what happens instead."""
        endpoint = self.server.endpoint
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query, keep_blank_values=True).items()}
        key = unquote(split.path).lstrip("/").partition("/")[2]
        kind = _kind(self.command, key, query)
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # the client died while it wrote: S3 stores nothing
            self.close_connection = True
            return None
        with endpoint.lock:
            endpoint.requests[kind] += 1
            fault = next((fault for fault in endpoint.faults if fault.takes(kind, key)), None)
            number = endpoint.requests.total()
        how = fault.how if fault else None
        if how in ERRORS:
            return self.answer(*_error(*ERRORS[how or ""]))
        if how in ("silent", "reset"):
            return self.vanish(reset=how == "reset")
        if endpoint.before:
            endpoint.before(number, kind, key)
        with endpoint.lock:
            status, headers, content = getattr(_Answers(endpoint, self.headers.get, key, query, body), kind)()
        if endpoint.after:
            endpoint.after(number, kind, key)
        if how in ("silent_after", "reset_after"):
            return self.vanish(reset=how == "reset_after")
        return self.answer(status, headers, content, how)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - http.server's names

    def answer(self, status: int, headers: dict[str, str], content: bytes, how: str | None = None) -> None:
        """Send an answer, or half of it, or slowly."""
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if how == "truncated":
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif how == "slow":
            step = len(content) // 16 + 1
            for start in range(0, len(content), step):
                self.wfile.write(content[start : start + step])
                time.sleep(0.05)
        else:
            self.wfile.write(content)

    def vanish(self, *, reset: bool) -> None:
        """No answer: the connection breaks, or stays open until the client gives up."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.recv(1)


def _kind(method: str, key: str, query: dict[str, str]) -> Request:
    if method in ("GET", "HEAD"):
        return "list" if "list-type" in query else "head" if method == "HEAD" else "get"
    if method == "PUT":
        return "part" if "uploadId" in query else "put"
    if method == "POST":
        return "create" if "uploads" in query else "delete_many" if "delete" in query else "complete"
    return "abort" if "uploadId" in query else "delete"


Answer = tuple[int, dict[str, str], bytes]


def _xml(name: str, inner: str, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/xml"}, f"<{name}>{inner}</{name}>".encode()


def _error(status: int, code: str) -> Answer:
    return _xml("Error", f"<Code>{code}</Code><Message>{code}</Message>", status)


@dataclass
class _Answers:
    """S3 as it should be: applies one request and answers it. Called with the endpoint's lock held."""

    endpoint: Endpoint
    header: Callable[[str], str | None]
    key: str
    query: dict[str, str]
    body: bytes

    def get(self) -> Answer:
        if self.key not in self.endpoint.objects:
            return _error(404, "NoSuchKey")
        body = self.endpoint.objects[self.key]
        if self.header("If-Match") not in (None, etag(body)):
            return _error(412, "PreconditionFailed")
        headers = {"ETag": etag(body), "Last-Modified": formatdate(self.endpoint.written[self.key], usegmt=True)}
        if not (span := self.header("Range")):
            return 200, headers, body
        first, _, last = span.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(body) - int(last))
        end = min(int(last) + 1 if first and last else len(body), len(body))
        if start >= len(body):
            return _error(416, "InvalidRange")
        return 206, headers | {"Content-Range": f"bytes {start}-{end - 1}/{len(body)}"}, body[start:end]

    head = get

    def list(self) -> Answer:
        prefix, delimiter = self.query.get("prefix", ""), self.query.get("delimiter", "")
        after = self.query.get("continuation-token") or self.query.get("start-after", "")
        most = int(self.query.get("max-keys", "1000"))
        entries: dict[str, str] = {}
        for key, body in sorted(self.endpoint.objects.items()):
            if not key.startswith(prefix):
                continue
            folder, slash, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            name = prefix + folder + slash if slash else key
            if name <= after or name in entries:
                continue
            if slash:
                entries[name] = f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            else:
                what = f"<ETag>{escape(etag(body))}</ETag><Size>{len(body)}</Size>"
                written = datetime.fromtimestamp(self.endpoint.written[key], UTC)
                when = f"<LastModified>{written:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
                entries[name] = f"<Contents><Key>{escape(name)}</Key>{when}{what}</Contents>"
        page, more = list(entries)[:most], len(entries) > most
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        inner = "".join(entries[name] for name in page)
        return _xml("ListBucketResult", f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{inner}")

    def put(self) -> Answer:
        present, wanted = self.endpoint.objects.get(self.key), self.header("If-Match")
        if present is not None and self.header("If-None-Match") == "*":
            return _error(412, "PreconditionFailed")
        if wanted and (present is None or etag(present) != wanted):
            return _error(412, "PreconditionFailed")
        self.endpoint.change(self.key, self.body)
        return 200, {"ETag": etag(self.body)}, b""

    def delete(self) -> Answer:
        self.endpoint.change(self.key, None)
        return 204, {}, b""

    def delete_many(self) -> Answer:
        keys = [unescape(key) for key in re.findall("<Key>(.*?)</Key>", self.body.decode(), re.DOTALL)]
        for key in keys:
            self.endpoint.change(key, None)
        return _xml("DeleteResult", "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys))

    def create(self) -> Answer:
        upload = f"upload-{next(self.endpoint.upload_ids)}"
        self.endpoint.uploads[upload] = {}
        return _xml("InitiateMultipartUploadResult", f"<UploadId>{upload}</UploadId>")

    def part(self) -> Answer:
        parts = self.endpoint.uploads.get(self.query["uploadId"])
        if parts is None:
            return _error(404, "NoSuchUpload")
        parts[int(self.query["partNumber"])] = self.body
        return 200, {"ETag": etag(self.body)}, b""

    def complete(self) -> Answer:
        parts = self.endpoint.uploads.pop(self.query["uploadId"], None)
        if parts is None:
            return _error(404, "NoSuchUpload")
        whole = b"".join(parts[number] for number in sorted(parts))
        self.endpoint.change(self.key, whole)
        return _xml("CompleteMultipartUploadResult", f"<ETag>{escape(etag(whole))}</ETag>")

    def abort(self) -> Answer:
        self.endpoint.uploads.pop(self.query["uploadId"], None)
        return 204, {}, b""
