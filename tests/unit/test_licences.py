"""Every package that we ship has a licence that allows it, and the audit command says what it needs."""

from __future__ import annotations

import json
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

import audit

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(
    set(re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "src/handlers/requirements.txt").read_text(), re.MULTILINE))
)
ALLOWED = {
    "Apache-2.0", "BSD-3-Clause", "MIT License", "MIT License / MIT No Attribution License (MIT-0)", "PSF-2.0",
    "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
}  # fmt: skip
"""Licences that only require their text to be kept."""


def stated_licence(package: str) -> str:
    """Return the SPDX expression of a package's metadata, otherwise its licence classifiers."""
    stated = metadata(package)
    if expression := stated["License-Expression"]:
        return expression
    classifiers = [c.split(" :: ")[-1] for c in stated.get_all("Classifier") or () if c.startswith("License ::")]
    return " / ".join(c for c in classifiers if c != "OSI Approved")


@pytest.mark.parametrize("package", SHIPPED)
def test_every_package_in_the_functions_may_be_shipped(package: str) -> None:
    assert stated_licence(package) in ALLOWED


def test_the_labelling_element_ships_no_other_package() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [path for path, package in packages.items() if path and not package.get("dev")] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [([], "arguments are required: PIP-AUDIT"), (["/nowhere"], "expected a command, got '/nowhere'")],
)
def test_the_audit_names_its_missing_command(given: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        audit.main(given)
    assert words in capsys.readouterr().err
