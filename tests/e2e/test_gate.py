"""Who reaches the emulator: our own processes and the pages that we serve, and nobody else.

The attacks come from curl, from signing clients with wrong secrets, and from pages of other origins in real browsers.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from loop import PROJECT
from playwright.sync_api import Browser

from truepoint.emulator.emulator import CONTAINER_HOST, HOST, OWNER_ONLY, REGION, Emulator, free_port
from truepoint.emulator.emulator_gate import TOKEN_HEADER

FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")
PORTAL_PORT = free_port()
PORTAL = f"http://{HOST}:{PORTAL_PORT}"
BROWSER_SECONDS = 60
ATTACKS = 7
"""Requests that the page of the attack sends to each target."""


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    python = PROJECT / ".venv-emulator" / "bin" / "python"
    with Emulator(python, tmp_path_factory.mktemp("gate"), origins=frozenset({PORTAL})) as emulator:
        s3 = client(emulator, "s3")
        s3.create_bucket(Bucket="labels")
        s3.put_object(Bucket="labels", Key="a.txt", Body=b"private")
        yield emulator


def client(emulator: Emulator, service: str, **credentials: str) -> Any:
    """A client of the emulator, as its root unless other credentials are given."""
    secrets = emulator.secrets
    mine = {"aws_access_key_id": secrets.access_key_id, "aws_secret_access_key": secrets.secret_access_key}
    config = Config(s3={"addressing_style": "path"}, signature_version="s3v4" if service == "s3" else "v4")
    where: Any = {"endpoint_url": emulator.endpoint, "region_name": REGION, "config": config}
    return boto3.client(service, **where, **{**mine, **credentials})


def ask(emulator: Emulator, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> int:
    """The status of a request; header names have underscores for hyphens."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = path if path.startswith("http") else f"{emulator.endpoint}{path}"
    request = urllib.request.Request(url, body, named, method=method)
    try:
        with urllib.request.urlopen(request) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def link(emulator: Emulator, seconds: int = 60, **credentials: str) -> str:
    """A presigned link to the private object."""
    signed = client(emulator, "s3", **credentials).generate_presigned_url(
        "get_object", Params={"Bucket": "labels", "Key": "a.txt"}, ExpiresIn=seconds
    )
    return str(signed)


def untouched(emulator: Emulator) -> bool:
    """Whether the account holds what the tests put there and nothing else."""
    body = client(emulator, "s3").get_object(Bucket="labels", Key="a.txt")["Body"].read()
    return body == b"private" and not client(emulator, "lambda").list_functions()["Functions"]


CREATE_FUNCTION = json.dumps(
    {
        "FunctionName": "attack",
        "Runtime": "python3.11",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Handler": "x.y",
        "Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="},
    }
)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/labels"),
        ("GET", "/labels/a.txt"),
        ("PUT", "/labels/b.txt"),
        ("POST", "/2015-03-31/functions"),
        ("POST", "/2015-03-31/functions/attack/invocations"),
        ("POST", "/_ministack/reset"),
        ("POST", "//_ministack/reset"),
        ("POST", "/%5Fministack/reset"),
        ("POST", "/_MINISTACK/reset"),
        ("POST", "/_localstack/reset"),
        ("POST", "/_ministack/config"),
        ("GET", "/_ministack/ready"),
        ("GET", "/health"),
        ("PUT", "/_ministack/cfn-response/../reset"),
        ("POST", "/_ministack/cfn-response/0123456789abcdef0123456789abcdef"),
        ("OPTIONS", "/labels/a.txt"),
    ],
)
def test_nothing_is_answered_without_proof(emulator: Emulator, method: str, path: str) -> None:
    assert curl(emulator, method, path) == 403
    assert untouched(emulator)


def curl(emulator: Emulator, method: str, path: str) -> int:
    """The status that curl gets, with the path as it is given."""
    command = ["curl", "-s", "-o", os.devnull, "-w", "%{http_code}", "--path-as-is", "-X", method]
    done = subprocess.run(
        [*command, "-d", CREATE_FUNCTION, f"{emulator.endpoint}{path}"], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.parametrize(
    ("key", "secret"),
    [("test", "test"), ("000000000000", "test"), ("AKIAIOSFODNN7EXAMPLE", "x"), ("right", "wrong"), ("right", "test")],
)
@pytest.mark.parametrize(
    ("service", "operation"),
    [("s3", "list_buckets"), ("lambda", "list_functions"), ("sts", "get_caller_identity"), ("events", "list_rules")],
)
def test_other_credentials_are_refused(emulator: Emulator, service: str, operation: str, key: str, secret: str) -> None:
    key = emulator.secrets.access_key_id if key == "right" else key
    with pytest.raises(ClientError) as refused:
        stranger = client(emulator, service, aws_access_key_id=key, aws_secret_access_key=secret)
        getattr(stranger, operation)()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_link_works_until_it_expires_and_for_its_object_only(emulator: Emulator) -> None:
    signed = link(emulator)
    assert ask(emulator, signed) == 200
    assert ask(emulator, signed.replace("a.txt", "b.txt")) == 403
    assert ask(emulator, signed, "DELETE") == 403
    assert ask(emulator, signed.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")) == 403
    assert ask(emulator, link(emulator, aws_secret_access_key="other")) == 403
    expired = link(emulator, seconds=1)
    time.sleep(2.1)
    assert ask(emulator, expired) == 403


def test_a_link_is_for_one_service(emulator: Emulator) -> None:
    """AWS wants every x-amz- header signed; the emulator chooses the service by one."""
    headers = {"X-Amz-Target": "secretsmanager.CreateSecret", "Content-Type": "application/x-amz-json-1.1"}
    assert ask(emulator, link(emulator), body=b'{"Name": "attack", "SecretString": "x"}', **headers) == 403
    assert client(emulator, "secretsmanager").list_secrets()["SecretList"] == []
    assert ask(emulator, link(emulator)[:-1] + "%C3%A9") == 403


@pytest.mark.parametrize("host", ["evil.example", "localhost", f"{HOST}:1", "s3.us-east-1.amazonaws.com", ""])
def test_another_host_name_is_refused(emulator: Emulator, host: str) -> None:
    assert ask(emulator, link(emulator), Host=host) == 421


def test_a_container_on_this_machine_is_answered_if_it_signs(emulator: Emulator) -> None:
    """scripts/sam_local.py: functions in containers know this machine by this name."""
    host = f"{CONTAINER_HOST}:{emulator.port}"
    credentials = Credentials(emulator.secrets.access_key_id, emulator.secrets.secret_access_key)
    request = AWSRequest("GET", f"http://{host}/labels/a.txt", headers={"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"})
    SigV4Auth(credentials, "s3", REGION).add_auth(request)
    assert ask(emulator, "/labels/a.txt", **{**dict(request.headers), "Host": host}) == 200
    assert ask(emulator, "/labels/a.txt", Host=host) == 403
    assert ask(emulator, "/labels/a.txt", Host=f"{CONTAINER_HOST}:1", **dict(request.headers)) == 421


def test_the_hosts_of_aws_are_answered_to_whoever_has_the_token(emulator: Emulator) -> None:
    with_token = {TOKEN_HEADER: emulator.secrets.token}
    assert (
        ask(emulator, "/labels/a.txt", Host="s3.us-east-1.amazonaws.com", **with_token) == 403
    )  # by the bucket's policy
    assert ask(emulator, "/", Host="evil.example", **with_token) == 421
    assert ask(emulator, "/_ministack/reset", "POST", **with_token) == 403
    assert ask(emulator, "/_ministack/ready", **{TOKEN_HEADER: "guess"}) == 403
    assert untouched(emulator)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": PORTAL}, 200),
        (
            {"Origin": PORTAL, "Sec_Fetch_Site": "cross-site"},
            200,
        ),  # the portal under localhost, the image under 127.0.0.1
        ({"Sec_Fetch_Site": "same-site"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": f"http://{HOST}:1"}, 403),
        ({"Origin": PORTAL.replace("http", "https")}, 403),
        ({"Origin": "https://evil.example"}, 403),
    ],
)
def test_a_link_is_for_pages_of_ours(emulator: Emulator, headers: dict[str, str], status: int) -> None:
    assert ask(emulator, link(emulator), **headers) == status


@pytest.mark.parametrize(
    "path", ["/_ministack/reset", "//_ministack/reset", "/%5Fministack/reset", "/_ministack/config"]
)
def test_the_controls_are_refused_with_the_right_signature_too(emulator: Emulator, path: str) -> None:
    secrets = emulator.secrets
    url = f"{emulator.endpoint}{path}"
    request = AWSRequest("POST", url, data=b"{}", headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(secrets.access_key_id, secrets.secret_access_key), "lambda", REGION).add_auth(request)
    signed = dict(request.headers.items())
    assert ask(emulator, url, "POST", b"{}", **signed) == 403
    assert untouched(emulator)


def test_web_sockets_are_refused(emulator: Emulator) -> None:
    upgrade = (
        f"GET / HTTP/1.1\r\nHost: {HOST}:{emulator.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    with socket.create_connection((HOST, emulator.port), timeout=10) as connection:
        connection.sendall(upgrade.encode())
        assert b" 403 " in connection.recv(1000).splitlines()[0]


def test_secrets_are_of_one_folder_and_for_its_owner(emulator: Emulator, tmp_path: Path) -> None:
    first, again = Emulator(Path(), tmp_path).secrets, Emulator(Path(), tmp_path).secrets
    assert first == again != emulator.secrets
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == OWNER_ONLY


# -- pages of other origins

PAGE = """<!doctype html><title>A page of somebody else</title><iframe name="sink" hidden></iframe><script>
const targets = %s, body = %s;
const quietly = (promise) => promise.catch(() => {});
const form = (target, path) => {
  const made = Object.assign(document.createElement("form"), {method: "POST", action: target + path, target: "sink"});
  made.enctype = "text/plain";
  made.append(Object.assign(document.createElement("input"), {name: body, value: ""}));
  document.body.append(made);
  made.submit();
};
(async () => {
  for (const target of targets) {
    const post = {method: "POST", mode: "no-cors", body};
    await quietly(fetch(target + "/_ministack/reset", post));
    await quietly(fetch(target + "/2015-03-31/functions", post));
    await quietly(fetch(target + "/2015-03-31/functions/attack/invocations", post));
    await quietly(fetch(target + "/labels", {mode: "no-cors"}));
    await new Promise((done) => { const i = new Image(); i.onload = i.onerror = done;
      i.src = target + "/labels/a.txt"; });
    navigator.sendBeacon(target + "/_ministack/config", body);
    form(target, "/_ministack/reset?form");
    await new Promise((done) => setTimeout(done, 300));
  }
  await fetch("/done", {method: "POST"});
})();
</script>"""


class Attack:
    """A page of another origin, and a server that answers everything: what the browser sends there, it sends to the
    emulator too."""

    def __init__(self, emulator: Emulator) -> None:
        self.done = threading.Event()
        self.sent: list[str] = []
        attack = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self._answer()

            def _answer(self) -> None:
                mine = self.server is attack.pages
                if not mine:
                    attack.sent.append(f"{self.command} {self.path}")
                if mine and self.path == "/done":
                    attack.done.set()
                targets = json.dumps([f"http://{HOST}:{attack.open.server_port}", emulator.endpoint])
                body = (PAGE % (targets, json.dumps(CREATE_FUNCTION))).encode() if mine and self.path == "/" else b""
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Keep the tests' output clean."""

        self.pages = ThreadingHTTPServer((HOST, 0), Handler)
        self.open = ThreadingHTTPServer((HOST, 0), Handler)
        self._threads = [threading.Thread(target=server.serve_forever) for server in (self.pages, self.open)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Close both servers."""
        for server in (self.pages, self.open):
            server.shutdown()
            server.server_close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def attack(emulator: Emulator) -> Iterator[Attack]:
    made = Attack(emulator)
    yield made
    made.stop()


def in_chromium(address: str, attack: Attack, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(address)
    deadline = time.monotonic() + BROWSER_SECONDS
    while not attack.done.is_set() and time.monotonic() < deadline:
        page.wait_for_timeout(50)
    page.close()


def in_firefox(address: str, attack: Attack, _browser: Browser) -> None:
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        command = [FIREFOX, "--headless", "--no-remote", "--profile", profile, address]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as firefox:
            attack.done.wait(BROWSER_SECONDS)
            firefox.terminate()


@pytest.mark.parametrize("site", [HOST, "localhost"])
@pytest.mark.parametrize("visit", [in_chromium, in_firefox])
def test_a_page_of_another_origin_reaches_nothing(
    emulator: Emulator, attack: Attack, browser: Browser, visit: Callable[[str, Attack, Browser], None], site: str
) -> None:
    visit(f"http://{site}:{attack.pages.server_port}/", attack, browser)
    assert attack.done.is_set()
    assert len(attack.sent) == ATTACKS, attack.sent  # the browser does send all of it to a server that lets it
    assert untouched(emulator)
