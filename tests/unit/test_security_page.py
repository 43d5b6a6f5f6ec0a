"""docs/security.md names only tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
TESTS = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_[a-z0-9_]+)`", PAGE))))
def test_the_test_exists(name: str) -> None:
    assert re.search(rf"^def {name}\(", TESTS, re.MULTILINE)


@pytest.mark.parametrize("file", sorted(set(re.findall(r"`(?:tests/)?[\w/]*?(test_\w+\.py)`", PAGE))))
def test_the_file_exists(file: str) -> None:
    assert list((ROOT / "tests").rglob(file))


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)`", PAGE))))
def test_make_has_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_table_of_roles_is_the_templates() -> None:
    roles = re.findall(r"^  (\w+Role):$", (ROOT / "template.yaml").read_text(), re.MULTILINE)
    assert re.findall(r"^\| (\w+Role) \|", PAGE, re.MULTILINE) == roles
