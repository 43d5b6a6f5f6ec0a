"""The AWS emulator's process. It runs in the emulator's own environment and imports nothing of Truepoint.

It differs from the plain `ministack` command in two ways. A request counts as having come by TLS, as behind a load
balancer, unless it says otherwise (`X-Forwarded-Proto: http`): the bucket's policy refuses plain HTTP, and it is
deployed here as it is on AWS. And the process ends, with its children, when its standard input does: it does not
outlive whoever started it, however that one dies.
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


def _serve() -> None:
    emulator: Any = importlib.import_module("ministack.app")
    emulator.app = behind_tls(emulator.app)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        emulator.main()
    finally:
        if os.getpgrp() == os.getpid():
            # The functions' own processes; what had to be kept has been written by now.
            os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
