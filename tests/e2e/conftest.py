"""The emulator with IAM enforced, the real template deployed into it by the commands that deploy it on AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from deployment import deployed_emulator, deployed_state
from front import served
from loop import Loop
from playwright.sync_api import Browser, Page

from truepoint.demo.deployed_portal import PARAMETERS, add_users, connect, demo_users
from truepoint.demo.local_front import LocalFront
from truepoint.emulator.emulator import HOST, free_port
from truepoint.emulator.local_stack import stack_outputs

PORTAL_PORT = free_port()
"""The emulator is told of it when it starts."""


@contextmanager
def fast_state_machines() -> Iterator[None]:
    """State machines wait a fiftieth of the time, before they try again too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0.02")
        yield


@pytest.fixture(scope="session")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    """The deployed stack; its state is kept on disk, so a test may kill the emulator and start it again."""
    origins = frozenset({f"http://{HOST}:{PORTAL_PORT}"})
    with fast_state_machines(), deployed_emulator(tmp_path_factory, PARAMETERS, origins) as emulator:
        stack = stack_outputs(emulator)
        assert stack is not None
        yield Loop(emulator, stack, deployed_state(tmp_path_factory, PARAMETERS), tmp_path_factory)


@pytest.fixture(scope="module")
def portal(loop: Loop) -> Iterator[str]:
    """The address of the deployed portal, as the demo serves it."""
    portal = connect(loop.emulator, PORTAL_PORT)
    add_users(loop.emulator, portal, demo_users())
    with served(LocalFront(loop.emulator, portal, PORTAL_PORT).application, PORTAL_PORT):
        yield f"http://{HOST}:{PORTAL_PORT}"


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
