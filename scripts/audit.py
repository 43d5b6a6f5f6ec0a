#!/usr/bin/env python3
"""Ask PyPI's and npm's services for known vulnerabilities of every pinned dependency; see `make audit`.

The last line says whether the services were reachable. The result, with its date, is kept in docs/audit.txt.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "docs" / "audit.txt"
LOCKS = ["src/handlers/requirements.txt", *sorted(str(f.relative_to(ROOT)) for f in ROOT.glob("requirements/*.txt"))]
FOUND, UNREACHABLE = 1, 3
NO_ANSWER = ("ServiceError", "ConnectionError", "Max retries", "HTTPError", "ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN",
             "ETIMEDOUT", "audit endpoint returned an error", "Failed to fetch", "404 Not Found")  # fmt: skip


def main(given: list[str] | None = None) -> int:
    """Audit each lock file; 0 nothing known, 1 something is, 3 a service did not answer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pip_audit", metavar="PIP-AUDIT", help="the command; `make audit` installs it")
    command = parser.parse_args(given).pip_audit
    for name in (command, "npm"):
        if shutil.which(name) is None:
            parser.error(f"expected a command, got {name!r}, which is not there; run `make audit`")
    pip_audit = [command, "--strict", "--disable-pip", "--require-hashes", "--progress-spinner", "off", "-r"]
    commands = {lock: [*pip_audit, lock] for lock in LOCKS if not lock.endswith("-without.txt")}
    outcomes = {}
    for name, audit in (commands | {"package-lock.json": ["npm", "audit"]}).items():
        done = subprocess.run(audit, cwd=ROOT, check=False, capture_output=True, text=True)
        outcomes[name] = _outcome(done.returncode, done.stdout + done.stderr)
        print(f"{name}: {outcomes[name]}", flush=True)
    silent = [name for name, outcome in outcomes.items() if outcome.startswith("no answer")]
    reached = f"services reachable: {len(outcomes) - len(silent)} of {len(outcomes)} lock files were audited"
    lines = [f"{datetime.now(UTC):%Y-%m-%d}", *(f"{name}: {outcome}" for name, outcome in outcomes.items()), reached]
    KEPT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(reached)
    if any(outcome.startswith("vulnerable") for outcome in outcomes.values()):
        return FOUND
    return UNREACHABLE if silent else 0


def _outcome(code: int, text: str) -> str:
    if code == 0:
        return "nothing known"
    last = next((line.strip() for line in reversed(text.splitlines()) if line.strip()), f"exit code {code}")
    if any(word in text for word in NO_ANSWER):
        return f"no answer: {last[:200]}"
    return f"vulnerable, or not auditable: {last[:200]}"


if __name__ == "__main__":
    sys.exit(main())
