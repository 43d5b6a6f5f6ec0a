"""Claims about AWS in the documentation: each has its source, or says that it has none. The code is compared with AWS's
own model of its API."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import boto3
import pytest

import acceptance
from acceptance import REGIONS
from job_builders import STACK, WORKTEAM
from truepoint.demo.answers_file import form_fields
from truepoint.jobs import limits

ROOT = Path(__file__).parents[2]
HEADING = "## What we say about AWS, and how we know"
LINK = "operations.md#what-we-say-about-aws-and-how-we-know"
READ = {"page", "model", "captured", "report", "not opened", "unverified"}
"""How a source was read; docs/operations.md explains each."""


def rows(heading: str = HEADING) -> list[list[str]]:
    section = (ROOT / "docs" / "operations.md").read_text("utf-8").split(f"{heading}\n", 1)[1].split("\n## ", 1)[0]
    table = [line for line in section.splitlines() if line.startswith("| ")][1:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_each_claim_about_aws_has_a_source_or_is_marked_as_unverified(row: list[str]) -> None:
    claim, source, read = row
    kinds = {kind.strip() for kind in re.split(r"[,;:]|\(.*?\)", read) if kind.strip() in READ}
    assert claim
    assert kinds
    if kinds & {"page", "model"}:
        assert "https://" in source or "PreHumanTaskLambdaArn" in source or "API has no operation" in source
    for file in re.findall(r"`([a-z_]+/\w+\.(?:json|txt))`", source):
        assert (ROOT / "tests" / "recorded" / file).is_file()


def test_every_difference_from_the_emulator_has_a_test() -> None:
    differences = rows("## Where AWS differs from the emulator")
    assert [name for name, *_ in differences] == [f"R{n}" for n in range(1, 14)]
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.MULTILINE)
    }
    for name, _, _, tests in differences:
        assert set(re.findall(r"`(test_\w+)`", tests)) <= there, name
        assert "`test_" in tests, name


@pytest.mark.parametrize("page", ["README.md", "docs/security.md", "docs/scale.md", "docs/migrating.md"])
def test_pages_about_aws_link_to_the_sources(page: str) -> None:
    assert LINK in (ROOT / page).read_text("utf-8")


def test_the_readme_says_that_nothing_ran_on_an_account() -> None:
    assert "**Nobody has run this stack on a real AWS account yet.**" in (ROOT / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def model() -> Any:
    return boto3.client("sagemaker", "us-east-1").meta.service_model


def test_the_regions_are_those_of_the_built_in_functions(model: Any) -> None:
    text = model.shape_for("HumanTaskConfig").members["PreHumanTaskLambdaArn"].documentation
    assert set(re.findall(r"arn:aws:lambda:([a-z0-9-]+):\d+:function:PRE-", text)) == REGIONS
    assert "arn:aws-us-gov" not in text


def test_names_and_times_are_bounded_as_the_model_says(model: Any) -> None:
    for shape, most in (("LabelingJobName", 63), ("LabelAttributeName", 127)):
        assert model.shape_for(shape).metadata["max"] == most
        assert model.shape_for(shape).metadata["pattern"] == rf"[a-zA-Z0-9](-*[a-zA-Z0-9]){{0,{most - 1}}}"
    task = model.shape_for("HumanTaskConfig").members["TaskTimeLimitInSeconds"].documentation
    assert (
        f"custom labeling job, the maximum value for this parameter is 8 hours ({limits.MAX_TASK_SECONDS:,} seconds)"
        in task
    )


def test_no_operation_deletes_a_job(model: Any) -> None:
    assert [name for name in model.operation_names if "LabelingJob" in name and name.startswith("Delete")] == []


def test_the_acceptance_run_passes_large_prelabels_by_reference(tmp_path: Path) -> None:
    """R11: more than the 20,000 characters that an attribute of a manifest line may have."""
    acceptance.draw(tmp_path)
    prelabels = {acceptance.LARGE_IMAGE: acceptance.LARGE_PRELABELS}
    prepared = acceptance.prepare("a-complete", WORKTEAM, STACK, tmp_path, prelabels)
    assert prepared.omitted == ()
    lines = {line["source-ref"].rsplit("/", 1)[1]: line for line in map(json.loads, prepared.manifest.splitlines())}
    assert set(lines) == set(acceptance.IMAGES)
    assert [name for name, line in lines.items() if "annotations_ref" in line] == [acceptance.LARGE_IMAGE]
    assert not any("annotations" in line for line in lines.values())
    assert len(json.dumps(acceptance.LARGE_PRELABELS)) > limits.MAX_ATTRIBUTE_CHARACTERS
    [document] = [json.loads(d.body) for d in prepared.documents if "/prelabels/" in d.key]
    task = {"image_s3_uri": "s3://b/x.png", "image_name": "x.png", "initial_values_s3_uri": "s3://b/p.json"}
    answer = list(acceptance.LARGE_PRELABELS)
    fields = form_fields(answer, task, lambda _: json.dumps(document).encode())
    assert json.loads(fields["original_annotations"]) == answer
    assert fields["no_changes_needed"] == "true"
