"""The endpoint of these tests, the client's patience with it, and the table of what was tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from clients import THOROUGH, aws, impatient
from processes import Runner, running
from s3_endpoint import Endpoint

tried: Counter[tuple[str, str]] = Counter()
lost: Counter[tuple[str, str]] = Counter()
duplicated: Counter[tuple[str, str]] = Counter()
acknowledged: Counter[tuple[str, str]] = Counter()
"""Answers of workers that the portal said it had stored."""


@pytest.fixture(scope="session")
def one_endpoint() -> Iterator[Endpoint]:
    with Endpoint() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def runner(one_endpoint: Endpoint) -> Iterator[Runner]:
    with running(one_endpoint) as runner:
        yield runner


@pytest.fixture
def endpoint(one_endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> Endpoint:
    """The endpoint, where this process's buckets are, whose clients give up soon."""
    for name, value in aws(one_endpoint).items():
        monkeypatch.setenv(name, value)
    impatient(monkeypatch.setattr)
    return one_endpoint


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Any:
    """Called for every run that a fault was tried on, with what it did to the records."""

    def counted(fault: str, driver: str, records: tuple[int, int], *, rounds: int = 1, answers: int = 0) -> None:
        tried[fault, driver] += rounds
        acknowledged[fault, driver] += answers
        lost[fault, driver] += records[0]
        duplicated[fault, driver] += records[1]
        assert records == (0, 0)

    return counted


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The fault matrix, in Markdown."""
    if not (THOROUGH and tried):
        return
    terminalreporter.write_line(
        "\n| fault | driver | times tried | answers acknowledged | records lost | duplicated |\n" + "|---" * 6 + "|"
    )
    for fault, driver in sorted(tried):
        figures = [str(counter[fault, driver]) for counter in (tried, acknowledged, lost, duplicated)]
        terminalreporter.write_line(f"| {fault} | {driver} | {' | '.join(figures)} |")
