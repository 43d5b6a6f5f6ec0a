"""The proxy that stands for CloudFront and Cognito's pages: what it passes on, to an emulator that only records."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import uvicorn

from truepoint.demo.deployed_portal import DeployedPortal
from truepoint.demo.local_front import LocalFront
from truepoint.emulator.emulator import Emulator, free_port
from truepoint.emulator.emulator_gate import TOKEN_HEADER

PORTAL = DeployedPortal(
    domain="d1.cloudfront.net", function_url_id="u" * 32, user_pool="us-east-1_Pool", client_id="client"
)
EMPTY = hashlib.sha256(b"").hexdigest()
USERS = {"Users": [{"Username": "ada", "Attributes": [{"Name": "name", "Value": '<b onclick="x">Ada</b>'}]}]}
FORM = "application/x-www-form-urlencoded"


class Received(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Recorder:
    """Records requests and answers each with the same."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.headers: list[tuple[str, str]] = []
        self.status, self.body = 200, b"{}"


@pytest.fixture
def recorder() -> Iterator[tuple[Recorder, int]]:
    made = Recorder()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.requests.append(Received(self.command, self.path, headers, body))
            users = headers.get("x-amz-target", "").endswith(".ListUsers")
            answer = json.dumps(USERS).encode() if users else made.body
            self.send_response(200 if users else made.status)
            for name, value in made.headers:
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_POST = do_PUT = do_GET  # noqa: N815 - http.server's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield made, server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def emulator(recorder: tuple[Recorder, int], tmp_path: Path) -> Emulator:
    return Emulator(Path("python"), tmp_path, port=recorder[1])


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str


class Browser:
    """Sends what it is told to send, headers and paths as they are."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"

    def send(self, method: str, path: str, content: bytes = b"", **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, content or None, given)
        answer = connection.getresponse()
        made = Answer(answer.status, answer.headers, answer.read().decode())
        connection.close()
        return made

    def write(self, path: str, content: bytes = b"{}", **headers: str) -> Answer:
        digest = hashlib.sha256(content).hexdigest()
        usual = {"origin": self.origin, "content_type": "application/json", "x_amz_content_sha256": digest}
        return self.send("POST", path, content, **usual | headers)


@pytest.fixture
def browser(emulator: Emulator) -> Iterator[Browser]:
    port = free_port()
    application = LocalFront(emulator, PORTAL, port).application
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield Browser(port)
    server.should_exit = True
    thread.join()


def test_a_request_is_signed_and_keeps_what_the_function_needs(
    browser: Browser, recorder: tuple[Recorder, int], emulator: Emulator
) -> None:
    path = "/api/jobs/people-1/tasks?a=b%20c&d=/e"
    assert browser.write(path, cookie="a=1; b=2", authorization="Bearer mine", x_amz_date="x").status == 200
    [request] = recorder[0].requests
    assert request.target == f"/_aws/lambda-url/{'u' * 32}/api/jobs/people-1/tasks?a=b%20c&d=%2Fe"
    signature = request.headers["authorization"]
    assert signature.startswith(f"AWS4-HMAC-SHA256 Credential={emulator.secrets.access_key_id}/")
    assert "/us-east-1/lambda/aws4_request" in signature
    assert "x-amz-content-sha256" in signature
    assert request.headers["x-amz-date"] != "x"
    assert (request.headers["cookie"], request.headers["origin"]) == ("a=1; b=2", browser.origin)
    assert request.headers["host"] == f"127.0.0.1:{recorder[1]}"
    assert TOKEN_HEADER not in request.headers
    assert request.body == b"{}"


@pytest.mark.parametrize(
    "path",
    [
        "/api/../../../../2015-03-31/functions",
        "/api/%2e%2e/x",
        "/api/x/%2E./y",
        "/api/./me",
        "/api/x/..",
        "/api/..%2fx",
        "/api/..%5cx",
    ],
)
def test_no_path_leads_to_another_api_of_the_emulator(
    browser: Browser, recorder: tuple[Recorder, int], path: str
) -> None:
    """The emulator's account would take the signature for anything."""
    assert browser.write(path).status == 404
    assert recorder[0].requests == []


@pytest.mark.parametrize("claimed", [None, "", EMPTY, EMPTY.upper(), "x"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_body_needs_its_hash(
    browser: Browser, recorder: tuple[Recorder, int], method: str, claimed: str | None
) -> None:
    headers = {"origin": browser.origin} | ({} if claimed is None else {"x_amz_content_sha256": claimed})
    assert browser.send(method, "/api/me", b"{}", **headers).status == 403
    assert recorder[0].requests == []


def test_cookies_and_a_redirection_come_back_whole(browser: Browser, recorder: tuple[Recorder, int]) -> None:
    cookies = ["a=1; Path=/", "b=2; Path=/"]
    recorder[0].status = 302
    recorder[0].headers = [("Set-Cookie", cookie) for cookie in cookies] + [("Location", "/portal/index.html")]
    answer = browser.send("GET", "/api/signed-in")
    assert answer.status == 302
    assert answer.headers.get_all("set-cookie") == cookies
    assert answer.headers["location"] == "/portal/index.html"


def test_pages_come_from_the_distribution_and_may_show_the_emulators_images(
    browser: Browser, recorder: tuple[Recorder, int], emulator: Emulator
) -> None:
    policy = "img-src 'self' https://s3.us-east-1.amazonaws.com; default-src 'none'"
    recorder[0].headers = [("Content-Security-Policy", policy)]
    answer = browser.send("GET", "/portal/index.html")
    assert answer.headers["content-security-policy"] == f"img-src 'self' {emulator.endpoint}; default-src 'none'"
    [request] = recorder[0].requests
    assert (request.target, request.headers["host"]) == ("/portal/index.html", "d1.cloudfront.net")
    assert request.headers[TOKEN_HEADER] == emulator.secrets.token
    assert emulator.secrets.token not in str(answer.headers)


@pytest.mark.parametrize(
    "path",
    [
        "/_ministack/reset",
        "/bucket/key",
        "/ui/%2e%2e/x",
        "/ui/../x",
        "/portal/%2e%2e%2f_ministack",
        "/portalx",
        "/UI/x",
    ],
)
def test_nothing_else_of_the_emulator_is_reached(browser: Browser, recorder: tuple[Recorder, int], path: str) -> None:
    assert browser.send("GET", path).status == 404
    assert recorder[0].requests == []


def test_the_functions_own_requests_for_tokens_pass_and_no_pages(
    browser: Browser, recorder: tuple[Recorder, int]
) -> None:
    form = b"grant_type=authorization_code"
    assert browser.send("POST", "/oauth2/token", form, content_type=FORM).status == 200
    [request] = recorder[0].requests
    assert (request.target, request.body) == ("/oauth2/token", form)
    assert "/us-east-1/cognito-idp/aws4_request" in request.headers["authorization"]
    for foreign in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"host": "evil.example"}):
        refused = browser.send("POST", "/oauth2/token", form, content_type=FORM, **foreign)
        assert refused.status in (403, 421), foreign
    assert len(recorder[0].requests) == 1


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"host": "localhost:1"}, {"origin": "https://evil.example"}, {"origin": "null"}],
)
@pytest.mark.parametrize("path", ["/demo/sign-in", "/login", "/api/sign-out"])
def test_other_hosts_and_pages_change_nothing(
    browser: Browser, recorder: tuple[Recorder, int], path: str, headers: dict[str, str]
) -> None:
    assert browser.write(path, **headers).status in (403, 421)
    assert recorder[0].requests == []


def test_the_page_of_users_runs_nothing(browser: Browser) -> None:
    answer = browser.send("GET", '/oauth2/authorize?client_id=client&state="><script>x</script>')
    assert "<script>" not in answer.text
    assert "<b onclick" not in answer.text
    assert "&lt;b onclick=" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


@pytest.mark.parametrize("user", ["", "eve", "Ada"])
def test_only_users_of_the_pool_are_signed_in(browser: Browser, recorder: tuple[Recorder, int], user: str) -> None:
    body = f"query=client_id%3Dclient&user={user}".encode()
    assert browser.write("/demo/sign-in", body, content_type=FORM).status == 400
    assert not any("SetUserPassword" in request.headers.get("x-amz-target", "") for request in recorder[0].requests)
