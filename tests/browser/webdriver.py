"""A small WebDriver client for Chromium, Firefox and WebKit as Debian packages them.

Chromium and WebKit have drivers that speak WebDriver over HTTP. Debian has no geckodriver, so Firefox is driven by
Marionette, the protocol that geckodriver translates to: the same commands over a socket
(firefox-source-docs.mozilla.org/testing/marionette).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAMES = ("chromium", "firefox", "webkit")
FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")
MINI_BROWSER = "/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser"
START_SECONDS = 60
CONTROL, ENTER = "\ue009", "\ue007"


class DriverError(Exception):
    """A command that the browser refused; says why."""


def _wait(what: str, ask: Any) -> Any:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        with contextlib.suppress(OSError, ValueError):
            if (found := ask()) is not None:
                return found
        time.sleep(0.05)
    raise DriverError(f"expected {what} within {START_SECONDS} s, got nothing")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Http:
    """WebDriver over HTTP: chromedriver and WebKitWebDriver."""

    def __init__(self, command: list[str], capabilities: dict[str, Any], env: dict[str, str]) -> None:
        port = _free_port()
        self.process = subprocess.Popen(
            [*command, f"--port={port}"],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._base = f"http://127.0.0.1:{port}"
        _wait("a driver", lambda: self._ask("GET", "/status"))
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.capabilities = session["capabilities"]
        self._base += f"/session/{session['sessionId']}"

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=START_SECONDS) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise DriverError(error.read().decode()[:500]) from error

    def close(self) -> None:
        """Every request has a connection of its own."""

    def navigate(self, url: str) -> None:
        self._ask("POST", "/url", {"url": url})

    def run(self, script: str, args: list[Any]) -> Any:
        return self._ask("POST", "/execute/sync", {"script": script, "args": args})

    def frame(self, number: int | None) -> None:
        self._ask("POST", "/frame", {"id": number})

    def actions(self, actions: list[dict[str, Any]]) -> None:
        self._ask("POST", "/actions", {"actions": actions})


class _Marionette:
    """Firefox's own protocol: `length:json` messages over a socket."""

    def __init__(self, profile: Path, env: dict[str, str], settings: dict[str, Any]) -> None:
        profile.mkdir(exist_ok=True)
        settings = {
            **settings,
            "marionette.port": 0,
            "browser.shell.checkDefaultBrowser": False,
            "datareporting.policy.dataSubmissionEnabled": False,
        }
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n" for k, v in settings.items())
        )
        (profile / "MarionetteActivePort").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [
                FIREFOX,
                "--headless",
                "--marionette",
                "--remote-allow-system-access",
                "--no-remote",
                "--profile",
                str(profile),
            ],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        port = _wait("Firefox", lambda: int((profile / "MarionetteActivePort").read_text()))
        self._socket = _wait("Marionette", lambda: socket.create_connection(("127.0.0.1", port), START_SECONDS))
        self._stream = self._socket.makefile("rb")
        self._number = 0
        self._read()
        self.capabilities = self._ask("WebDriver:NewSession", {})["capabilities"]

    def _read(self) -> Any:
        length = b""
        while (byte := self._stream.read(1)) not in (b":", b""):
            length += byte
        return json.loads(self._stream.read(int(length)))

    def _ask(self, command: str, parameters: dict[str, Any]) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, command, parameters])
        self._socket.sendall(f"{len(message)}:{message}".encode())
        _, _, error, result = self._read()
        if error:
            raise DriverError(f"{error['error']}: {error['message']}"[:500])
        return result

    def close(self) -> None:
        self._stream.close()
        self._socket.close()

    def navigate(self, url: str) -> None:
        self._ask("WebDriver:Navigate", {"url": url})

    def run(self, script: str, args: list[Any]) -> Any:
        return self._ask("WebDriver:ExecuteScript", {"script": script, "args": args, "sandbox": None})["value"]

    def setting(self, name: str, value: str) -> None:
        script = "Services.prefs.setStringPref(...arguments)"
        self._ask("Marionette:SetContext", {"value": "chrome"})
        self._ask("WebDriver:ExecuteScript", {"script": script, "args": [name, value]})
        self._ask("Marionette:SetContext", {"value": "content"})

    def frame(self, number: int | None) -> None:
        self._ask("WebDriver:SwitchToFrame", {"id": number})

    def actions(self, actions: list[dict[str, Any]]) -> None:
        self._ask("WebDriver:PerformActions", {"actions": actions})


class Browser:
    """One running browser with a profile of its own, driven by real input events.

    Args:
        name: one of `NAMES`.
        profile: a folder that outlives the browser; the same one again continues its storage (Chromium, Firefox).
        display: of the X server that WebKit, which has no headless mode, draws on.
        settings: of Firefox, as about:config names them.
    """

    def __init__(self, name: str, profile: Path, display: str, settings: dict[str, Any] | None = None) -> None:
        env = os.environ | {"DISPLAY": display, "HOME": str(profile.parent), "LC_ALL": "C.UTF-8"}
        self.name = name
        self._driver: _Http | _Marionette
        if name == "firefox":
            self._driver = _Marionette(profile, env, settings or {})
        elif name == "webkit":
            options = {"binary": MINI_BROWSER, "args": ["--automation"]}
            self._driver = _Http(["WebKitWebDriver"], {"webkitgtk:browserOptions": options}, env)
        else:
            flags = [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--window-size=1440,900",
                f"--user-data-dir={profile}",
            ]
            self._driver = _Http(
                ["chromedriver"], {"goog:chromeOptions": {"args": flags, "binary": "/usr/bin/chromium"}}, env
            )
        found = self._driver.capabilities
        self.version = f"{found['browserName']} {found['browserVersion']}"

    def kill(self) -> None:
        """End the browser without letting it tidy up."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._driver.process.pid, signal.SIGKILL)
        self._driver.process.wait()
        self._driver.close()

    def open(self, url: str) -> None:
        self._driver.navigate(url)

    def frame(self, number: int | None) -> None:
        """Go on in the frame of that number; None is the page."""
        self._driver.frame(number)

    def setting(self, name: str, value: str) -> None:
        """Change a setting of about:config while Firefox runs."""
        assert isinstance(self._driver, _Marionette)
        self._driver.setting(name, value)

    def run(self, script: str, *args: Any) -> Any:
        """Return the value of a JavaScript expression; `arguments` holds args."""
        return self._driver.run(f"return ({script})", list(args))

    def wait(self, script: str, seconds: float = 15) -> Any:
        """Return the expression's value once it is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := self.run(script):
                return value
            time.sleep(0.05)
        raise DriverError(f"{self.version}: expected {script} within {seconds} s, got {self.run(script)!r}")

    def mouse(self, *path: tuple[float, float], button: int = 0, times: int = 1) -> None:
        """Press at the first place, move along the others, release; a single place is a click."""
        steps: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": round(path[0][0]), "y": round(path[0][1]), "duration": 0}
        ]
        for _ in range(times):
            steps.append({"type": "pointerDown", "button": button})
            steps += [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in path[1:]]
            steps.append({"type": "pointerUp", "button": button})
        self._driver.actions(
            [{"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}]
        )

    def keys(self, *keys: str) -> None:
        """Press keys together, as a chord, and release them."""
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self._driver.actions([{"type": "key", "id": "keys", "actions": [*down, *up]}])


@contextlib.contextmanager
def display() -> Iterator[str]:
    """An X server for browsers without a headless mode."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1440x900x24", "-nolisten", "tcp"],
        pass_fds=[writer],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    try:
        with os.fdopen(reader) as stream:
            number = re.sub(r"\D", "", stream.readline())
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()
