"""Prose in Markdown is wrapped at 120 characters; tables, code and lines without a space to break at are exempt."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WIDTH = 120
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])


def long_lines(text: str) -> list[int]:
    """Return the numbers of prose lines that are longer than `WIDTH` and could be wrapped."""
    code, numbers = False, []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("```"):
            code = not code
        elif not code and len(line) > WIDTH and not line.startswith(("|", "#", "<", "!")) and " " in line[4:WIDTH]:
            numbers.append(number)
    return numbers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_prose_is_wrapped(page: Path) -> None:
    assert long_lines(page.read_text("utf-8")) == []


AMERICAN = re.compile(
    r"\b(behavior|canceled|catalog|center|color|gray|labeled|labeler|labeling|modeling|"
    r"(analy|normali|optimi|organi|recogni|summari)(ze|zed|zes|zing|zation))s?\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_prose_has_british_spelling(page: Path) -> None:
    """Code, links, AWS's own names in capitals and quotations keep their spelling."""
    text = re.sub(
        r"```.*?```|`[^`]*`|\]\([^)]*\)|https?://\S+|“[^”]*”|\"[^\"]*\"", "", page.read_text("utf-8"), flags=re.DOTALL
    )
    assert [word[0] for word in AMERICAN.finditer(text) if not word[0][0].isupper()] == []
