#!/usr/bin/env python3
"""Look up known vulnerabilities of every pinned dependency in the services of PyPI and npm; see `make audit`.

The last line states whether the services answered. docs/audit.txt stores the result with its date.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "docs" / "audit.txt"
"""File of the last result."""
LOCKS = ["src/handlers/requirements.txt", *sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("requirements/*.txt"))]
NPM = "package-lock.json"
FOUND, UNREACHABLE = 1, 3
"""Exit codes: known vulnerabilities, or a service that did not answer."""
_URL = re.compile(r"https?://\S+")
"""URLs are removed from messages, because they only name the registry's mirror."""


class Outcome(NamedTuple):
    """A service's answer for one lock file.

    Attributes:
        asked: number of dependencies in the lock file.
        answered: number of dependencies for which the service has an answer.
        vulnerable: the vulnerable dependencies, each with its vulnerabilities.
        problem: why the service has no answer for the others.
    """

    asked: int
    answered: int
    vulnerable: tuple[str, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        problem = _URL.sub("…", self.problem)
        told = ", ".join(self.vulnerable) or ("nothing known" if self.answered else "no answer")
        missing = f"; {self.asked - self.answered} not audited: {problem}" if self.answered < self.asked else ""
        return f"{told} ({self.answered} of {self.asked} dependencies audited{missing})"


def main(given: list[str] | None = None) -> int:
    """Audit each lock file; return 0 without known vulnerabilities, 1 with some, 3 if a service did not answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pip_audit", metavar="PIP-AUDIT", help="the command; `make audit` installs it")
    command = parser.parse_args(given).pip_audit
    for name in (command, "npm"):
        if shutil.which(name) is None:
            parser.error(f"expected a command, got {name!r}, which is not there; run `make audit`")
    outcomes: dict[str, Outcome] = {}
    pip_audit = [command, "--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json", "-r"]
    for lock in (lock for lock in LOCKS if not lock.endswith("-without.txt")):
        outcomes[lock] = _asked([*pip_audit, lock], pip_outcome)
        print(f"{lock}: {outcomes[lock]}", flush=True)
    outcomes[NPM] = _asked(["npm", "audit", "--json"], npm_outcome)
    print(f"{NPM}: {outcomes[NPM]}")
    said = reachability(outcomes)
    lines = [f"{datetime.now(UTC):%Y-%m-%d}", *(f"{name}: {outcome}" for name, outcome in outcomes.items()), said]
    KEPT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(said)
    if any(outcome.vulnerable for outcome in outcomes.values()):
        return FOUND
    return UNREACHABLE if any(outcome.answered < outcome.asked for outcome in outcomes.values()) else 0


def reachability(outcomes: dict[str, Outcome]) -> str:
    """Return one line that says which of the two services answered, and for how many lock files."""
    said = []
    for service, of_npm in (("PyPI", False), ("npm", True)):
        audited = [outcome for name, outcome in outcomes.items() if (name == NPM) is of_npm]
        whole = sum(outcome.answered == outcome.asked for outcome in audited)
        how = "" if whole == len(audited) else "partly " if any(outcome.answered for outcome in audited) else "not "
        said.append(f"{service} {how}reachable ({whole} of {len(audited)} lock files audited)")
    return f"services: {', '.join(said)}"


def pip_outcome(report: dict[str, Any], _: str) -> Outcome:
    """Read the report of pip-audit, which skips dependencies for which PyPI's service has no answer."""
    dependencies = report["dependencies"]
    skipped = [entry["skip_reason"] for entry in dependencies if "skip_reason" in entry]
    vulnerable = tuple(
        f"{entry['name']} {entry['version']}: {', '.join(v['id'] for v in entry['vulns'])}"
        for entry in dependencies
        if entry.get("vulns")
    )
    return Outcome(len(dependencies), len(dependencies) - len(skipped), vulnerable, skipped[0] if skipped else "")


def npm_outcome(report: dict[str, Any], problem: str) -> Outcome:
    """Read the report of `npm audit`. If npm's service did not answer, it contains a message instead of counts."""
    if "auditReportVersion" not in report:
        return Outcome(1, 0, problem=str(report.get("message") or problem))
    vulnerabilities = report["vulnerabilities"].values()
    vulnerable = tuple(f"{entry['name']} {entry['range']}: {entry['severity']}" for entry in vulnerabilities)
    dependencies = report["metadata"]["dependencies"]["total"]
    return Outcome(dependencies, dependencies, vulnerable)


def _asked(command: list[str], read: Callable[[dict[str, Any], str], Outcome]) -> Outcome:
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    problem = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "no message")[:200]
    try:
        return read(json.loads(done.stdout), problem)
    except (ValueError, KeyError):
        return Outcome(1, 0, problem=problem)


if __name__ == "__main__":
    sys.exit(main())
