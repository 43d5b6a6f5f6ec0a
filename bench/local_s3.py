"""A fast S3 server in memory for the benches. It does not check signatures.

It answers 10,000 puts per second on one core, so that the benches measure the client and not the server. Emulators
answer 200 to 1,000 puts per second. `rclone serve s3` answers range requests with status 200, which the client refuses.

It runs in a separate process: this program, with the duration of a put in milliseconds as the argument. A put to S3
takes 10 to 30 ms.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

FORGOTTEN = re.compile(rb"/results/[^/]+/annotations/")
"""Keys of annotation files. Their content is not stored, because no bench reads it."""
_HEAD = re.compile(rb"(\w+) /([^ ?]*)\??([^ ]*) HTTP/1.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-(\d*)", re.IGNORECASE)
_COPY = re.compile(rb"\r\nx-amz-copy-source: */?([^\r]*)", re.IGNORECASE)
_MATCH = re.compile(rb'\r\nif-match: *"?([^"\r]*)', re.IGNORECASE)


class Objects(dict[str, bytes]):
    """The stored objects, by `bucket/key`."""

    def answer(
        self, method: bytes, path: bytes, query: bytes, head: bytes, body: bytes
    ) -> tuple[int, list[str], bytes]:
        """Return the status, the headers and the body of the response to a request."""
        asked = parse_qs(query.decode(), keep_blank_values=True)
        bucket, _, key = path.partition(b"/")
        name = unquote(path.decode())
        if method == b"PUT":
            if "uploadId" in asked:
                name = f"{asked['uploadId'][0]}/{int(asked['partNumber'][0]):06d}"
            if copied := _COPY.search(head):
                self[name] = self[unquote(copied[1].decode())]
                etag = f"<ETag>&quot;{_etag(self[name])}&quot;</ETag>"
                return 200, [], f"<CopyPartResult>{etag}</CopyPartResult>".encode()
            if key and ("uploadId" in asked or not FORGOTTEN.search(path)):
                self[name] = bytes(body)
            return 200, [f'ETag: "{_etag(body)}"'], b""
        if method == b"POST":
            return self._post(asked, name, body)
        if method == b"DELETE":
            self.pop(name, None)
            return 204, [], b""
        if not key:
            return 200, [], self._listing(bucket.decode(), asked)
        body = self.get(name)
        if body is None:
            return 404, [], b"<Error><Code>NoSuchKey</Code></Error>" if method == b"GET" else b""
        etag = _etag(body)
        if (match := _MATCH.search(head)) and match[1].decode() != etag:
            return 412, [], b"<Error><Code>PreconditionFailed</Code></Error>"
        # Last-Modified is the present time, because the write lock compares it with the clock.
        headers = [f'ETag: "{etag}"', f"Last-Modified: {formatdate(usegmt=True)}"]
        if ranged := _RANGE.search(head):
            first, last = int(ranged[1]), min(int(ranged[2] or len(body)), len(body) - 1)
            return 206, [*headers, f"Content-Range: bytes {first}-{last}/{len(body)}"], body[first : last + 1]
        return 200, headers, body

    def _post(self, asked: dict[str, list[str]], name: str, body: bytes) -> tuple[int, list[str], bytes]:
        if "uploads" in asked:
            upload = f"<UploadId>parts of {escape(name)}</UploadId>"
            return 200, [], f"<InitiateMultipartUploadResult>{upload}</InitiateMultipartUploadResult>".encode()
        if "uploadId" in asked:
            parts = sorted(key for key in self if key.startswith(asked["uploadId"][0] + "/"))
            self[name] = b"".join([self.pop(part) for part in parts])
            etag = f"<ETag>&quot;{_etag(self[name])}&quot;</ETag>"
            return 200, [], f"<CompleteMultipartUploadResult>{etag}</CompleteMultipartUploadResult>".encode()
        keys = [key.decode() for key in re.findall(rb"<Key>([^<]*)</Key>", body)]
        for key in keys:
            self.pop(f"{name.rstrip('/')}/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        return 200, [], f"<DeleteResult>{deleted}</DeleteResult>".encode()

    def _listing(self, bucket: str, asked: dict[str, list[str]]) -> bytes:
        prefix, after = asked.get("prefix", [""])[0], asked.get("start-after", [""])[0]
        names = sorted(name[len(bucket) + 1 :] for name in self if name.startswith(f"{bucket}/{prefix}"))
        entries, folders = [], []
        for name in names:
            if "delimiter" in asked and "/" in name[len(prefix) :]:
                folders.append(prefix + name[len(prefix) :].partition("/")[0] + "/")
            elif name > after:
                body = self[f"{bucket}/{name}"]
                entries.append(
                    f"<Contents><Key>{escape(name)}</Key><LastModified>2026-11-23T09:00:00.000Z</LastModified>"
                    f"<ETag>&quot;{_etag(body)}&quot;</ETag><Size>{len(body)}</Size></Contents>"
                )
        common = "".join(
            f"<CommonPrefixes><Prefix>{escape(f)}</Prefix></CommonPrefixes>" for f in dict.fromkeys(folders)
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{''.join(entries)}{common}</ListBucketResult>".encode()
        )


def _etag(content: bytes) -> str:
    return md5(
        content[:4096] + b"%d" % len(content), usedforsecurity=False
    ).hexdigest()  # of megabytes, again and again


class Connection(asyncio.Protocol):
    """A client's connection; requests are answered one after another."""

    def __init__(self, objects: Objects, delay: float) -> None:
        self._objects, self._delay = objects, delay
        self._held = bytearray()
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport of a new connection."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Answer the requests that have been received completely."""
        held = self._held
        held += data
        while len(held) >= self._wanted and (end := held.find(b"\r\n\r\n")) >= 0:
            head = bytes(held[:end])
            length = int(length_header[1]) if (length_header := _LENGTH.search(head)) else 0
            self._wanted = end + 4 + length
            if len(held) < self._wanted:
                if b"100-continue" in head and len(held) == end + 4:
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            body = bytes(held[end + 4 : self._wanted])
            del held[: self._wanted]
            self._wanted = 0
            method, path, query = _HEAD.findall(head + b"\r\n")[0]
            status, headers, content = self._objects.answer(method, path, query, head, body)
            fields = "".join(f"{field}\r\n" for field in [*headers, f"Content-Length: {len(content)}"])
            answer = f"HTTP/1.1 {status} -\r\n{fields}\r\n".encode() + (b"" if method == b"HEAD" else content)
            if method == b"PUT" and self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)


async def serve(milliseconds: float) -> None:
    """Print the port, and serve until the process is ended."""
    objects = Objects()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(objects, milliseconds / 1000), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def local_s3(milliseconds: float = 0) -> Iterator[str]:
    """Run the server during the block and yield its address.

    Environment variables make boto3 in this process and its children use it.
    """
    server = subprocess.Popen([sys.executable, __file__, str(milliseconds)], stdout=subprocess.PIPE, text=True)
    address = f"127.0.0.1:{int((server.stdout or sys.stdin).readline())}"
    os.environ |= {"AWS_ENDPOINT_URL": f"http://{address}", "AWS_REGION": "us-east-1"}
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    try:
        yield address
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
