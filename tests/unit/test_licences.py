"""What is shipped may be shipped, and the page of licences is of what the lock files pin."""

from __future__ import annotations

import json
import re

import pytest

import audit
import make_licences
from make_licences import LOCKS, NODE, PAGE, ROOT, SHIPPED, dependencies, node_dependencies, pinned

ALLOWED = {
    "Apache-2.0", "BSD-3-Clause", "MIT License", "MIT License / MIT No Attribution License (MIT-0)", "PSF-2.0",
    "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
}  # fmt: skip
"""Licences of what is in the functions' package: none asks anything of who uses it but to keep its text."""


def section(lock: str) -> list[tuple[str, str]]:
    """Name and version of each row below the heading that names a lock file."""
    text = PAGE.read_text().split(f"(`{lock}`)", 1)[1].split("\n## ", 1)[0]
    return [(name, version) for name, version in re.findall(r"^\| (\S+) \| (\S+) \| .+ \|$", text, re.MULTILINE)][1:]


@pytest.mark.parametrize("package", dependencies(SHIPPED), ids=lambda package: package.name)
def test_what_is_shipped_is_free_to_ship(package: make_licences.Dependency) -> None:
    assert package.licence in ALLOWED


@pytest.mark.parametrize("lock", LOCKS)
def test_the_page_is_of_the_lock_file(lock: str) -> None:
    assert section(lock) == pinned(ROOT / lock), "run `make licences`"


def test_every_lock_file_is_on_the_page() -> None:
    """What a lock pins without an environment of its own would be overlooked."""
    locks = {path.relative_to(ROOT).as_posix() for path in (ROOT / "requirements").glob("*.txt")}
    assert locks - {"requirements/readers-without.txt"} == set(LOCKS) - {SHIPPED}


def test_the_labelling_element_ships_nothing_of_others() -> None:
    assert section("package-lock.json") == [(d.name, d.version) for d in node_dependencies()]
    assert NODE in PAGE.read_text()
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert [path for path, package in packages.items() if path and not package.get("dev")] == []


def test_a_missing_environment_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(LOCKS, SHIPPED, (".venv-missing", "Shipped"))
    monkeypatch.setattr("sys.argv", ["make_licences.py"])
    with pytest.raises(SystemExit, match="2"):
        make_licences.main()
    assert (
        f"expected an environment in {ROOT / '.venv-missing'}, got none; run `make licences`" in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("given", "words"),
    [([], "arguments are required: PIP-AUDIT"), (["/nowhere"], "expected a command, got '/nowhere'")],
)
def test_the_audit_says_what_it_needs(given: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        audit.main(given)
    assert words in capsys.readouterr().err
