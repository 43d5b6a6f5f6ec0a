"""What all tests share: how hypothesis searches, and a real Chromium, one for the whole run, because playwright's
synchronous interface can be started only once at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE

# As template.yaml sets it: Powertools reads it when the functions are imported.
os.environ["POWERTOOLS_SERVICE_NAME"] = "truepoint"

# No deadlines: speed is measured by benches. CI repeats the same examples, a developer's machine looks for new ones.
settings.register_profile("search", deadline=None)
settings.register_profile("repeat", deadline=None, derandomize=True)
settings.load_profile("repeat" if os.environ.get("CI") else "search")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        yield chromium
        chromium.close()
