"""The report of an acceptance run: what was expected, what happened, and what AWS responded."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from truepoint.jobs.stack import StackError

PROJECT = Path(__file__).resolve().parents[3]

Outcome = Literal["passed", "failed", "not tried"]
MARKS: dict[Outcome, str] = {"passed": "ok  ", "failed": "FAIL", "not tried": "-   "}


class UnexpectedError(ValueError):
    """An unexpected result. The message says what it is."""


class NotTriedError(RuntimeError):
    """A check that is impossible here. The message says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: what was expected, and what happened."""

    name: str
    expected: str
    outcome: Outcome
    got: str


@dataclass(slots=True)
class Report:
    """The results of all checks and responses of AWS. In its text, ids and names of the account are replaced."""

    began: str
    checks: list[Check] = field(default_factory=list)
    recorded: dict[str, Any] = field(default_factory=dict)

    def check(self, name: str, expected: str, tried: Callable[..., object], *arguments: Any) -> bool:
        """Make one check and record its result. An exception of `tried` is a failure, except NotTriedError.

        Args:
            name: name of the check.
            expected: the expected result in words, with its number in the list of differences (R1 to R13) if any.
            tried: makes the check and returns what happened.
            arguments: arguments of `tried`.

        Returns:
            Whether the check passed.
        """
        outcome: Outcome = "passed"
        try:
            got = str(tried(*arguments))
        except NotTriedError as error:
            outcome, got = "not tried", str(error)
        except (BotoCoreError, ClientError, HTTPError, OSError, StackError, LookupError, ValueError) as error:
            outcome, got = "failed", f"{type(error).__name__}: {error}"
        self.checks.append(Check(name, expected, outcome, got))
        print(f"{MARKS[outcome]} {name}: {got}", flush=True)
        return outcome == "passed"

    def text(self, secrets: Mapping[str, str]) -> str:
        """Return the report as JSON, in which a name replaces each secret, and 123456789012 every account id."""
        document = {"truepoint": version(), "began": self.began, "ended": now()} | asdict(self)
        text = json.dumps(document, indent=1, ensure_ascii=False, default=str)
        for name, secret in sorted(secrets.items(), key=lambda item: -len(item[1])):
            text = text.replace(secret, f"<{name}>") if secret else text
        return re.sub(r"(?<!\d)\d{12}(?!\d)", "123456789012", text)


def expect(condition: object, got: object) -> None:
    """Check a condition.

    Raises:
        UnexpectedError: the condition is false; the message is `got`.
    """
    if not condition:
        raise UnexpectedError(str(got))


def only_on_aws() -> None:
    """Check that no emulator is used instead of AWS.

    Raises:
        NotTriedError: AWS_ENDPOINT_URL is set.
    """
    if "AWS_ENDPOINT_URL" in os.environ:
        raise NotTriedError("needs AWS; AWS_ENDPOINT_URL names an emulator")


def now() -> str:
    """Return the time, in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def version() -> str:
    """Return the commit of this checkout; "unknown" outside a Git repository."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 (the developer's own Git)
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"
