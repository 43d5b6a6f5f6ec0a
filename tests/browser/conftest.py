"""The real bundle, pages served from memory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driver import Task, TaskPage
from labeling_site import PortalSite, running
from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def bundle() -> str:
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    return (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()


@pytest.fixture(scope="module")
def make_site(tmp_path_factory: pytest.TempPathFactory, bundle: str) -> Iterator[Callable[[], PortalSite]]:
    """Portals on one emulator, each with its own bucket and table, that serve the built page."""
    assert bundle
    with running(tmp_path_factory.mktemp("emulator")) as make:
        yield make


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(5000)
    yield context
    context.close()


@pytest.fixture
def open_task(context: BrowserContext, bundle: str) -> Iterator[TaskPage]:
    """Opens a task in a new page; every page must end without an error on its console."""
    opener = TaskPage(context, bundle)
    yield opener
    assert opener.errors == []


@pytest.fixture
def task(open_task: TaskPage) -> Task:
    """One empty task over a plain photograph, ready to label."""
    return open_task()
