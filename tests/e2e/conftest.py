"""The emulator with IAM enforced, the real template deployed into it by the commands that deploy it on AWS."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from deployment import deployed_emulator, deployed_state
from loop import Loop
from playwright.sync_api import Browser, Page

from truepoint.emulator.emulator import free_port
from truepoint.emulator.local_stack import stack_outputs
from truepoint.portal.runner import JobRunner
from truepoint.portal.server import ElementSource, Portal
from truepoint.portal.upkeep import Upkeep

PORTAL_PORTS = [free_port() for _ in range(3)]
"""Of the portals that one test may serve. The emulator is told of them when it starts."""


@contextmanager
def fast_state_machines() -> Iterator[None]:
    """State machines wait a fiftieth of the time, before they try again too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.02")
        yield


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """The deployed stack; its state is kept on disk, so a test may kill the emulator and start it again."""
    origins = frozenset(f"http://127.0.0.1:{port}" for port in PORTAL_PORTS)
    with fast_state_machines(), deployed_emulator(tmp_path_factory, {}, origins) as emulator:
        stack = stack_outputs(emulator)
        assert stack is not None
        yield Loop(emulator, stack, deployed_state(tmp_path_factory, {}), tmp_path_factory)


@pytest.fixture
def serve(loop: Loop) -> Iterator[Callable[[JobRunner], str]]:
    """Serves a job's pages for the length of a test; gives the address."""
    servers: list[tuple[uvicorn.Server, threading.Thread, Upkeep]] = []

    def start(runner: JobRunner) -> str:
        port = PORTAL_PORTS[len(servers)]
        upkeep = Upkeep(runner).__enter__()
        element = ElementSource.of(loop.stack, loop.emulator)
        application = Portal(runner, upkeep, element, b"secret").application(port)
        server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread, upkeep))
        while not server.started:
            time.sleep(0.01)
        return f"http://127.0.0.1:{port}"

    yield start
    for server, thread, upkeep in servers:
        server.should_exit = True
        thread.join()
        upkeep.__exit__()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of a real browser; whatever it logs as an error fails the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []
