"""Runs: their events, folders and names."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.groundtruth.job import LabelingJob
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint
from truepoint.results.ranges import Range
from truepoint.results.result_set import ManifestSource, SkeletonSource
from truepoint.runs.plan import Plan, StepError, execution_name, read_step, run_folder

JOB = LabelingJob(
    name="People-1", arn="arn", status="Completed", label_attribute_name="keypoints",
    output_manifest_uri="s3://bucket/output.manifest", workers_per_object=3,
)  # fmt: skip
MANIFEST = ManifestSource(JOB.output_manifest_uri, "abc")
PLAN = Plan(
    job=JOB, manifest=MANIFEST, skeleton=None, skeleton_source=SkeletonSource("derived", "subject"), gold_etag=None,
    ranges=[Range(0, 9), Range(9, 20)],
)  # fmt: skip
RUN = run_folder(PLAN)


def changed(**changes: Any) -> Plan:
    return msgspec.structs.replace(PLAN, **changes)


def test_runs_of_one_plan_share_a_folder_and_those_of_others_do_not() -> None:
    others = [
        changed(manifest=None),
        changed(manifest=ManifestSource(JOB.output_manifest_uri, "abd")),
        changed(job=msgspec.structs.replace(JOB, status="Stopped")),
        changed(skeleton=Skeleton("a", (SkeletonKeypoint("nose"),))),
        changed(gold_etag="abc"),
        changed(ranges=[Range(0, 20)]),
    ]
    assert len({RUN, *map(run_folder, others)}) == 7
    assert RUN.startswith("tmp/results/people-1/")
    assert run_folder(msgspec.json.decode(msgspec.json.encode(PLAN), type=Plan)) == RUN


def test_an_executions_name_depends_on_job_status_and_manifest() -> None:
    stopped = msgspec.structs.replace(JOB, status="Stopped")
    other = ManifestSource(JOB.output_manifest_uri, "abd")
    names = {execution_name(*run) for run in ((JOB, MANIFEST), (JOB, None), (JOB, other), (stopped, MANIFEST))}
    assert len(names) == 4


@given(
    name=st.from_regex(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?", fullmatch=True),
    etag=st.text(st.characters(codec="utf-8")),
)
def test_names_are_ones_that_aws_takes(name: str, etag: str) -> None:
    job = msgspec.structs.replace(JOB, name=name)
    manifest = ManifestSource(JOB.output_manifest_uri, etag)
    assert re.fullmatch(r"[A-Za-z0-9-]{1,76}", execution_name(job, manifest))
    folder = run_folder(changed(job=job, manifest=manifest))
    assert read_step({"step": "join", "run": folder}).run == folder


def test_a_job_travels_through_the_state_unchanged() -> None:
    assert read_step({"step": "plan", "job": msgspec.to_builtins(JOB)}).job == JOB


def test_every_step_knows_its_jobs_name() -> None:
    named = {
        read_step(event).labeling_job
        for event in ({"step": "plan", "job": msgspec.to_builtins(JOB)}, {"step": "join", "run": RUN})
    }
    assert named == {"people-1"}


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "Expected `object`, got `null`"),
        ([], "Expected `object`, got `array`"),
        ({}, "missing required field `step`"),
        ({"step": "delete", "run": RUN}, "Invalid enum value 'delete'"),
        ({"step": "plan"}, "expected a job to plan, got none"),
        ({"step": "plan", "job": {"name": "x"}}, r"missing required field"),
        ({"step": "label", "run": RUN, "range": -1}, "Expected `int` >= 0"),
        ({"step": "label", "run": RUN, "range": "1"}, "Expected `int`, got `str`"),
        ({"step": "merge"}, "expected the folder of a run, got ''"),
        ({"step": "merge", "run": "results/people-1/"}, "expected the folder of a run"),
        ({"step": "merge", "run": RUN + "x"}, "expected the folder of a run"),
        ({"step": "merge", "run": RUN + "\n"}, "expected the folder of a run"),
        ({"step": "merge", "run": RUN.replace("people-1", "..")}, "expected the folder of a run"),
        ({"step": "merge", "run": RUN.replace("people-1", "a/../../jobs")}, "expected the folder of a run"),
    ],
)
def test_an_invalid_step_is_refused(event: Any, said: str) -> None:
    with pytest.raises(StepError, match=said):
        read_step(event)
