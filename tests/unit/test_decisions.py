"""Decision records: numbered without gaps, each with its date and status."""

from __future__ import annotations

import re
from pathlib import Path

RECORDS = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("*.md"))


def test_the_records_are_numbered_without_gaps() -> None:
    assert [int(record.name[:4]) for record in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_each_record_has_its_number_date_and_status() -> None:
    for record in RECORDS:
        head = re.compile(rf"# {int(record.name[:4])}\. \S.*\n\n\*2026-\d\d-\d\d, (accepted|superseded)[^*]*\*\n\n")
        assert head.match(record.read_text()), record.name


def test_each_record_states_context_decision_and_consequences() -> None:
    for record in RECORDS:
        text = record.read_text()
        heads = re.findall(r"^\*\*(Context|Decision|Consequences|Alternatives)\.\*\*", text, re.MULTILINE)
        assert heads[:2] == ["Context", "Decision"], record.name
        assert "Consequences" in heads, record.name
        assert len(heads) == len(set(heads)), record.name
