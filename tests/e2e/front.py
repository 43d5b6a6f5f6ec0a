"""The local front in this process before a deployed portal, and browsers without a screen that use it."""

from __future__ import annotations

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import uvicorn

from truepoint.demo.deployed_portal import add_users, connect, demo_users
from truepoint.demo.local_front import LocalFront
from truepoint.emulator.emulator import Emulator
from truepoint.emulator.local_stack import function_log
from truepoint.jobs.stack import DEFAULT_STACK_NAME, read_stack

USERS = demo_users()


class Stand:
    """The front in this process, and the emulator behind it."""

    def __init__(self, emulator: Emulator, port: int, stack_name: str = DEFAULT_STACK_NAME) -> None:
        self.emulator = emulator
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"
        self.portal = connect(emulator, port, stack_name)
        add_users(emulator, self.portal, USERS)
        described = self.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Outputs"]}
        self.stack = read_stack(self.client("cloudformation"), stack_name)
        self.front = LocalFront(emulator, self.portal, port)

    def client(self, service: str) -> Any:
        return self.emulator.session().client(service, endpoint_url=self.emulator.endpoint)

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, Any, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body or None, {n.replace("_", "-"): v for n, v in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def log(self) -> str:
        return function_log(self.emulator, self.outputs["PortalFunctionArn"])


class Browser:
    """Somebody's browser: keeps cookies and follows redirections of this origin."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        self.cookies: dict[str, str] = {}
        self.seen: list[str] = []

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, bytes]:
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if method != "GET":
            given |= {"origin": self.stand.origin, "content-type": "application/json"}
            given |= {"x-amz-content-sha256": hashlib.sha256(content).hexdigest()}
        status, answered, text = self.stand.send(method, path, content, **(given | headers))
        for cookie in answered.get_all("set-cookie", []):
            self.seen.append(cookie)
            name, _, rest = cookie.partition("=")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in cookie:
                self.cookies[name] = rest.partition(";")[0]
        return status, answered, text

    def json(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, _, text = self.send(method, path, body, **headers)
        return status, json.loads(text)

    def local(self, location: str) -> str:
        parts = urlsplit(location)
        assert location.startswith("/") or f"{parts.scheme}://{parts.netloc}" == self.stand.origin, location
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    def begin(self) -> str:
        status, headers, _ = self.send("GET", "/api/sign-in?return=/portal/index.html%23/jobs")
        assert status == 302, self.stand.log()
        return self.local(headers["location"])

    def sign_in(self, email: str) -> None:
        _, _, page = self.send("GET", self.begin())
        choice = Choice(page.decode())
        form = urlencode({"query": choice.query, "user": choice.users[email]}).encode()
        self.finish("/demo/sign-in", form)

    def finish(self, path: str, form: bytes) -> None:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, answered, text = self.send("POST", path, form, **headers)
        assert status == 302, text
        status, answered, _ = self.send("GET", self.local(answered["location"]))
        assert (status, answered["location"]) == (302, "/portal/index.html#/jobs"), self.stand.log()


class Choice(HTMLParser):
    """The page with one button for each user."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.query = ""
        self.users: dict[str, str] = {}
        self._value = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "input":
            self.query = found["value"] or ""
        self._value = (found["value"] or "") if tag == "button" else ""

    def handle_data(self, data: str) -> None:
        if self._value:
            # Whoever was invited and has not signed in yet is shown with their address.
            self.users[{user.name: user.email for user in USERS}.get(data, data)] = self._value
            self._value = ""


@contextmanager
def served(application: Any, port: int) -> Iterator[None]:
    """Serve an ASGI application for the length of a `with` block."""
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
