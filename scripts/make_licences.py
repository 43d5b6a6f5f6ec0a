#!/usr/bin/env python3
"""Write docs/licences.md: every dependency that the lock files pin, with the licence its own metadata states.

Reads the environments that `make licences` installs; nothing is fetched.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "licences.md"
SHIPPED = "src/handlers/requirements.txt"
LOCKS = {
    SHIPPED: (".venv", "Shipped: in every Lambda function's package"),
    "requirements/bootstrap.txt": (".venv", "Development: installs the rest"),
    "requirements/dev.txt": (".venv", "Development: build, deploy, check, test, the portal"),
    "requirements/emulator.txt": (".venv-emulator", "Development: the emulated AWS account"),
    "requirements/readers.txt": (".venv-readers", "Tests: other projects' readers of the exports"),
    "requirements/xtcocotools.txt": (".venv-xtcocotools", "Tests: another reader"),
    "requirements/loaders.txt": (".venv-loaders", "`make loaders`: training frameworks' own loaders of the exports"),
    "requirements/mmpose.txt": (".venv-mmpose", "`make loaders`: MMPose's loader"),
    "requirements/bench.txt": (".venv-bench", "Benches: what they compare with"),
    "requirements/fuzz.txt": (".venv-fuzz", "Fuzzing"),
    "requirements/audit.txt": (".venv-audit", "Checks: template and dependencies"),
    "requirements/proxy.txt": (".venv-proxy", "Tests: the TLS proxy in front of the emulator"),
}
NODE = "Development: builds and checks the labelling element, which has no dependency at run time"
ELSEWHERE = "(for another platform)"


class Dependency(NamedTuple):
    """A pinned package and what its metadata says of its licence."""

    name: str
    version: str
    licence: str


def pinned(lock: Path) -> list[tuple[str, str]]:
    """Name and version of everything a pip lock file pins."""
    return re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", lock.read_text(), re.MULTILINE)


def dependencies(lock: str) -> list[Dependency]:
    """What a lock file pins, by name; a package for another platform is not installed here."""
    folder = ROOT / LOCKS[lock][0]
    packages = next((folder / "lib").glob("python3*/site-packages"), None)
    if packages is None:
        raise FileNotFoundError(f"expected an environment in {folder}, got none; run `make licences`")
    found = {_plain(d.name): d for d in distributions(path=[str(packages)])}
    return [
        Dependency(name, version, licence(found[_plain(name)]) if _plain(name) in found else ELSEWHERE)
        for name, version in pinned(ROOT / lock)
    ]


def licence(distribution: Distribution) -> str:
    """The SPDX expression, else the classifiers, else the first line of the licence field."""

    def stated(field: str) -> list[str]:
        return [str(value).strip() for value in distribution.metadata.get_all(field) or ()]

    if expression := stated("License-Expression"):
        return expression[0]
    classifiers = [c.split(" :: ")[-1] for c in stated("Classifier") if c.startswith("License ::")]
    text = "".join(stated("License")).partition("\n")[0][:60]
    return " / ".join(c for c in classifiers if c != "OSI Approved") or text or "not stated"


def node_dependencies() -> Iterator[Dependency]:
    """What package-lock.json pins, by name, with the licence that it records."""
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    for path, package in sorted(packages.items()):
        if path:
            yield Dependency(
                path.rpartition("node_modules/")[2], package["version"], package.get("license", "not stated")
            )


def page() -> str:
    """The page's text."""
    intro = "Truepoint is under Apache-2.0. Written by `make licences`, from the metadata of what the lock files pin."
    parts = ["# Licences", "", intro, ""]
    sections = [(title, lock, dependencies(lock)) for lock, (_, title) in LOCKS.items()]
    sections.append((NODE, "package-lock.json", list(node_dependencies())))
    for title, lock, found in sections:
        parts += [f"## {title} (`{lock}`)", "", "| package | version | licence |", "|---|---|---|"]
        parts += [f"| {d.name} | {d.version} | {d.licence.replace('|', '/')} |" for d in found]
        parts.append("")
    return "\n".join(parts)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> int:
    """Write the page; 0 done, 2 an environment is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    try:
        PAGE.write_text(page(), encoding="utf-8")
    except FileNotFoundError as error:
        parser.error(str(error))
    print(PAGE.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
