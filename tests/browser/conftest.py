"""A real Chromium, the real bundle, pages served from memory."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from driver import Task, TaskPage
from playwright.sync_api import Browser, BrowserContext, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def bundle() -> str:
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    return (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=[*ARGUMENTS, "--js-flags=--expose-gc"],
        )
        yield chromium
        chromium.close()


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
