"""The gate in front of the emulator holds a body in memory, so its size is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from truepoint.emulator import emulator_gate
from truepoint.emulator.emulator_gate import Gate

SIGNED = [(b"host", b"127.0.0.1:1"), (b"authorization", b"AWS4-HMAC-SHA256 whatever")]


def put(pieces: Sequence[bytes], *headers: tuple[bytes, bytes]) -> tuple[int, int]:
    """Send a request that looks signed; return the status, and how many of its pieces were read."""
    sent: list[dict[str, Any]] = []
    rest = list(pieces)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": rest.pop(0), "more_body": bool(rest)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def emulator(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})

    gate = Gate(emulator, frozenset({"127.0.0.1:1"}), frozenset(), "token", lambda *_: True)
    scope = {"type": "http", "method": "PUT", "path": "/b/k", "query_string": b"", "headers": [*SIGNED, *headers]}
    with ThreadPoolExecutor() as pool:  # a browser's tests may have left a loop running in this thread
        pool.submit(asyncio.run, gate(scope, receive, send)).result()
    return int(sent[0]["status"]), len(pieces) - len(rest)


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_gate, "LARGEST_BODY", 10)


def test_a_request_body_of_the_maximum_size_is_accepted() -> None:
    assert put([b"12345", b"67890"], (b"content-length", b"10")) == (200, 2)


def test_a_request_body_with_a_too_large_length_is_not_read() -> None:
    assert put([b"12345", b"678901"], (b"content-length", b"11")) == (413, 0)


@pytest.mark.parametrize("announced", [[], [(b"content-length", b"5")], [(b"content-length", b"x")]])
def test_a_request_body_is_read_only_up_to_the_limit(announced: list[tuple[bytes, bytes]]) -> None:
    assert put([b"123456"] * 100, *announced) == (413, 2)
