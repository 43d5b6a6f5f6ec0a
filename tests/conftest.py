"""A real Chromium, one for the whole run: playwright's synchronous interface can be started only once at a time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        yield chromium
        chromium.close()
