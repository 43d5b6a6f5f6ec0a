"""The AWS emulator's process. It runs in the emulator's own environment and imports only the gate from Truepoint.

It differs from the plain `ministack` command in four ways:

- `emulator_gate.Gate` admits only authenticated requests.
- A request counts as received over TLS, as behind a load balancer, unless it has the header `X-Forwarded-Proto: http`.
  This is needed because the bucket's policy, which is the same as on AWS, refuses plain HTTP.
- The process ends, with its children, at the end of its standard input. So it does not outlive its parent.
- A write to S3 fails if it cannot be stored on disk. ministack itself would log the error, answer 200 and serve the
  object from memory until the process ends.
"""

from __future__ import annotations

import errno
import fcntl
import importlib
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator_gate import Gate

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
HEADER = b"x-forwarded-proto"
NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
INSUFFICIENT_STORAGE = 507
"""Status for a full disk. S3 has no such error, so WebDAV's status is used (RFC 4918, section 11.5). AWS's clients do
not retry it, so the caller gets the error at once."""


def behind_tls(application: Application) -> Application:
    """Return the ASGI application as if it were behind a proxy that terminates TLS."""

    async def call(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and all(name.lower() != HEADER for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (HEADER, b"https")]}
        await application(scope, receive, send)

    return call


class DurableWrites(logging.Handler):
    """A layer that makes each request to the emulated S3 atomic: all its files are on disk, or nothing changed.

    ministack handles a request in one synchronous call of `_dispatch` on the event loop. In that call this class writes
    files to a folder of its own and flushes them to disk. If no write failed, it moves the files into place; otherwise
    it restores the state in memory and answers with the error. ministack catches each `OSError` and logs it. This class
    observes those errors as a handler of its logger.

    The folder is beside the objects, on the same file system, so that temporary files cannot collide with objects. It
    is emptied at the start, because a killed process leaves unfinished files in it.

    Args:
        s3: the module `ministack.services.s3`.
    """

    def __init__(self, s3: Any) -> None:
        super().__init__()
        self._s3 = s3
        self._dispatch = s3._dispatch
        self._unfinished = Path(f"{s3.DATA_DIR}.unfinished")
        shutil.rmtree(self._unfinished, ignore_errors=True)
        self._staged: dict[Path, Path] = {}
        self._error: OSError | None = None
        self._handling = False
        s3._atomic_write = self.stage
        s3._dispatch = self.dispatch
        s3.logger.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:  # noqa: ARG002
        """Store the error that ministack logs instead of raising."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._error = error

    def stage(self, path: str, content: bytes | str, *, text: bool = False) -> None:
        """Write the content to a temporary file and flush it to disk. Replaces `_atomic_write`."""
        self._unfinished.mkdir(mode=0o700, exist_ok=True)
        temporary = self._staged[Path(path)] = self._unfinished / str(len(self._staged))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w" if text else "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        if not self._handling:
            self._commit()

    def dispatch(self, method: str, bucket: str, key: str, *rest: Any) -> Any:
        """Handle one request. Replaces `_dispatch`."""
        self._error, self._handling = None, True
        restore = self._snapshot(bucket, key) if method not in ("GET", "HEAD") else lambda: None
        try:
            answer = self._dispatch(method, bucket, key, *rest)
            if self._error is None:
                self._commit()
                return answer
        except OSError as error:
            self._error = error
        finally:
            self._handling = False
            for temporary in self._staged.values():
                with suppress(OSError):
                    temporary.unlink()
            self._staged.clear()
        restore()
        return self._failure(f"/{bucket}/{key}")

    def _commit(self) -> None:
        """Move the files into place. A sidecar file follows its object."""
        folders = {path.parent for path in self._staged}
        for path in list(self._staged):
            self._staged[path].replace(path)
            del self._staged[path]
        for folder in folders:
            descriptor = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _snapshot(self, bucket: str, key: str) -> Callable[[], None]:
        """Return a function that restores the current state of a key, or of the whole bucket if `key` is empty."""
        s3 = self._s3
        objects = s3._buckets.get(bucket, {}).get("objects", {})
        keys = [key] if key else list(objects)
        current = {name: dict(objects[name]) for name in keys if name in objects}
        history = {name: [dict(v) for v in s3._object_versions.get((bucket, name)) or ()] for name in keys}
        uploads = {name: s3._multipart_uploads[name] for name in s3._multipart_uploads}
        completed = set(s3._completed_multipart_uploads)

        def restore() -> None:
            now = s3._buckets.get(bucket, {}).get("objects", {})
            for name in {*keys, *([] if key else now)}:
                now.pop(name, None)
                s3._object_versions.pop((bucket, name), None)
            now.update(current)
            for name, versions in history.items():
                if versions:
                    s3._object_versions[bucket, name] = versions
            for name, upload in uploads.items():
                s3._multipart_uploads[name] = upload
            for name in set(s3._completed_multipart_uploads) - completed:
                del s3._completed_multipart_uploads[name]

        return restore

    def _failure(self, resource: str) -> Any:
        error = self._error
        full = error is not None and error.errno in NO_SPACE
        what = f"nothing was stored: {error.strerror if error else 'unknown'} ({self._s3.DATA_DIR})"
        code, status = ("InsufficientStorage", INSUFFICIENT_STORAGE) if full else ("InternalError", 500)
        return self._s3._error(code, what, status, resource)


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input. Settings are ministack's environment variables."""
    # An earlier process may still be writing its state, and two processes at once would mix their states.
    with Path(os.environ["TMPDIR"], "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _serve()


def is_signed(method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> bool:
    """Return whether a request has a current SigV4 signature made with a secret that this emulator knows.

    The emulator itself checks the signatures of users and roles, but accepts any secret for the account's root user. So
    its own functions are used here for all signatures. `test` and account numbers, which it accepts as access keys of
    the root user, are refused.
    """
    iam: Any = importlib.import_module("ministack.core.iam_evaluator")
    sigv4: Any = importlib.import_module("ministack.core.sigv4")
    responses: Any = importlib.import_module("ministack.core.responses")
    presigned = "authorization" not in headers
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):  # the missing parts
        return False
    if not signature.signature.isascii():
        return False
    # AWS requires all x-amz- headers to be signed. Otherwise the holder of a link could use it for another service.
    named = frozenset(signature.signed_headers.lower().split(";"))
    if presigned and any(name.startswith("x-amz-") and name not in named for name in headers):
        return False
    key = signature.access_key_id
    if iam.is_root_access_key(key) and key != os.environ["AWS_ACCESS_KEY_ID"]:
        return False
    token = query.get("X-Amz-Security-Token", [""])[0] if presigned else headers.get("x-amz-security-token", "")
    account = iam.find_iam_access_key_account(key) or responses._account_from_sts_session(key)
    credential = iam.resolve_credential(key, account or responses.get_account_id(), token)
    if isinstance(credential, iam.CredentialResolutionError):
        return False
    if presigned:
        expires = query.get("X-Amz-Expires", ["0"])[0]
        try:
            late = not expires.isdecimal() or sigv4.presigned_request_is_expired(signature.amz_date, expires)
        except (ValueError, OverflowError):
            late = True
    else:
        late = sigv4.request_time_failure(signature) is not None
    secret = credential.secret_access_key
    return (
        not late
        and sigv4.header_signature_failure(signature, secret, method, path, query, headers, body, presigned=presigned)
        is None
    )


def _serve() -> None:
    emulator: Any = importlib.import_module("ministack.app")
    DurableWrites(importlib.import_module("ministack.services.s3"))
    emulator.app = Gate(
        behind_tls(emulator.app),
        hosts=frozenset(os.environ["GATE_HOSTS"].split()),
        origins=frozenset(os.environ["GATE_ORIGINS"].split()),
        token=os.environ.pop("GATE_TOKEN"),  # removed, because functions inherit the environment
        is_signed=is_signed,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        emulator.main()
    finally:
        if os.getpgrp() == os.getpid():
            # This ends the functions' processes. All state has been written by now.
            os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
