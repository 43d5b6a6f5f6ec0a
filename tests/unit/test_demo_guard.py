"""Requests that the demo's proxy refuses without forwarding them, over a real socket."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from truepoint.demo.guard import MAX_BODY, Guard
from truepoint.emulator.emulator import free_port


async def echo(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    port = free_port()
    application = Guard(Starlette(routes=[Route("/", echo, methods=["GET", "POST"])]), frozenset({f"127.0.0.1:{port}"}))
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield port
    server.should_exit = True
    thread.join()


def ask(
    port: int, method: str, headers: dict[str, str], body: bytes | Iterator[bytes] | None = None
) -> tuple[int, http.client.HTTPResponse]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, "/", body, {"Host": f"127.0.0.1:{port}", **headers})
        response = connection.getresponse()
        response.read()
        return response.status, response
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1", ""])
def test_other_hosts_are_refused(port: int, host: str) -> None:
    assert ask(port, "GET", {"Host": host})[0] == 421


@pytest.mark.parametrize("origin", [None, "null", "https://127.0.0.1", "http://evil.example", "http://127.0.0.1:1"])
def test_other_origins_change_nothing(port: int, origin: str | None) -> None:
    assert ask(port, "POST", {} if origin is None else {"Origin": origin}, b"x")[0] == 403


def test_the_portals_own_pages_may(port: int) -> None:
    assert ask(port, "GET", {})[0] == 200
    assert ask(port, "POST", {"Origin": f"http://127.0.0.1:{port}"}, b"x")[0] == 200


def test_a_large_body_is_refused_before_it_is_read(port: int) -> None:
    headers = {"Origin": f"http://127.0.0.1:{port}", "Content-Length": str(MAX_BODY + 1)}
    assert ask(port, "POST", headers)[0] == 413


def test_a_large_body_without_a_length_is_cut_off(port: int) -> None:
    chunks = (b"x" * 1_000_000 for _ in range(8))
    headers = {"Origin": f"http://127.0.0.1:{port}", "Transfer-Encoding": "chunked"}
    try:
        code = ask(port, "POST", headers, chunks)[0]
    except (ConnectionError, http.client.RemoteDisconnected):
        return  # cut off in the middle of sending
    assert code >= 400


def test_every_response_has_a_content_security_policy(port: int) -> None:
    headers = ask(port, "GET", {})[1].headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
