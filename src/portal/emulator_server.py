"""The AWS emulator's process. It runs in the emulator's own environment and imports nothing of Truepoint but the gate.

It differs from the plain `ministack` command in three ways:

- `emulator_gate.Gate` stands in front: only requests that prove where they come from reach the emulator.
- A request counts as having come by TLS, as behind a load balancer, unless it says otherwise
  (`X-Forwarded-Proto: http`). The bucket's policy refuses plain HTTP, and it is deployed here as it is on AWS.
- The process ends, with its children, when its standard input does. It does not outlive whoever started it.
"""

from __future__ import annotations

import fcntl
import importlib
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from emulator_gate import Gate

Application = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
HEADER = b"x-forwarded-proto"


def behind_tls(application: Application) -> Application:
    """The ASGI application as it is behind something that terminates TLS."""

    async def call(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and all(name.lower() != HEADER for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (HEADER, b"https")]}
        await application(scope, receive, send)

    return call


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Serve until SIGTERM, SIGINT or the end of standard input; settings are ministack's environment variables."""
    # The last one may still be writing its state: two at once would mix theirs.
    with Path(os.environ["TMPDIR"], "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _serve()


def is_signed(method: str, path: str, query: dict[str, list[str]], headers: dict[str, str], body: bytes) -> bool:
    """Return whether a request has a current SigV4 signature made with a secret that this emulator knows.

    The emulator itself checks the signatures of users and roles, but takes every secret of the account's root. Its own
    functions are used here for all of them. `test` and account numbers, which it takes for root too, are refused.
    """
    iam: Any = importlib.import_module("ministack.core.iam_evaluator")
    sigv4: Any = importlib.import_module("ministack.core.sigv4")
    responses: Any = importlib.import_module("ministack.core.responses")
    presigned = "authorization" not in headers
    signature = sigv4.parse_query_signature(query) if presigned else sigv4.parse_header_signature(headers)
    if isinstance(signature, tuple):  # it names what is missing
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
    emulator.app = Gate(
        behind_tls(emulator.app),
        hosts=frozenset(os.environ["GATE_HOSTS"].split()),
        origins=frozenset(os.environ["GATE_ORIGINS"].split()),
        token=os.environ.pop("GATE_TOKEN"),  # functions, which inherit the environment, do not need it
        is_signed=is_signed,
    )
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        emulator.main()
    finally:
        if os.getpgrp() == os.getpid():
            # The functions' own processes; what had to be kept has been written by now.
            os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
