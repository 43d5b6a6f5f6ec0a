"""docs/formats.md is the contract: its examples are valid, and its schemas are the code's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import make_schemas
from sample_events import event
from truepoint.groundtruth.job import RESULTS_READY, SOURCE, read_ended
from truepoint.keys import job_keys

DOCS = Path(__file__).parents[2] / "docs"
EXAMPLES = re.findall(r"```json ([a-z-]+)\n(.+?)```", (DOCS / "formats.md").read_text(), re.DOTALL)


def schema(name: str) -> Any:
    return json.loads((DOCS / "schemas" / f"{name}.schema.json").read_text())


def test_the_committed_schemas_equal_the_generated_ones() -> None:
    found = {file.name: file.read_text() for file in (DOCS / "schemas").glob("*.json")}
    assert found == make_schemas.schemas(), "run `make schemas`"


def test_every_shape_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(make_schemas.SHAPES)


@pytest.mark.parametrize(("name", "text"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_every_example_is_valid_and_says_everything(name: str, text: str) -> None:
    example = json.loads(text)
    jsonschema.validate(example, schema(name))
    definition = schema(name)
    fields = definition["$defs"][definition["$ref"].rsplit("/", 1)[1]]["properties"]
    optional = {"box"}
    assert set(fields) - set(example) <= optional


def test_a_wrong_example_is_refused() -> None:
    example = json.loads(dict(EXAMPLES)["results"])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(example | {"lines": "3"}, schema("results"))


def test_the_events_table() -> None:
    text = (DOCS / "formats.md").read_text()
    sample = event("job_completion/completed.json")
    assert sample["detail-type"] in text
    assert read_ended(sample).description is not None
    assert read_ended(sample | {"source": "aws.sagemaker"}).description is None


def test_the_sample_of_our_own_event_and_a_consumers_permissions() -> None:
    text = (DOCS / "formats.md").read_text()
    sample = event("results_ready/people.json")
    assert (sample["source"], sample["detail-type"]) == (SOURCE, RESULTS_READY)
    assert f"`{SOURCE}` | `{RESULTS_READY}`" in text
    jsonschema.validate(sample["detail"], schema("results-ready"))
    [policy] = [
        json.loads(block) for block in re.findall(r"```json\n(.+?)```", text, re.DOTALL) if "Statement" in block
    ]
    found = {s["Sid"]: (s["Action"], s["Resource"]) for s in policy["Statement"]}
    results = job_keys("people").results
    assert found == {
        "ReadResults": ("s3:GetObject", f"arn:aws:s3:::BUCKET/{results.partition('/')[0]}/*"),
        "ListResults": ("s3:ListBucket", "arn:aws:s3:::BUCKET"),
    }
