"""A lost event, with the deployed function, its role and its schedule's rule."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from loop import Loop
from test_privileges import invoke

from truepoint.groundtruth.lost_events import GRACE


def end_unheard(loop: Loop, name: str, age: timedelta) -> None:
    """A job outside Ground Truth ends, its output is written, and the event never arrives."""
    loop.job(name, images=1)
    output = f"output/{name}/manifests/output/output.manifest"
    line = json.dumps({"source-ref": f"s3://{loop.stack.bucket}/jobs/{name}/images/0.png"})
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=output, Body=f"{line}\n".encode())
    ended = (datetime.now(UTC) - age).isoformat(timespec="milliseconds")
    loop.change_description(name, {"LabelingJobStatus": "Stopped", "LastModifiedTime": ended})


def test_a_lost_event_is_found_and_the_results_are_made(loop: Loop) -> None:
    end_unheard(loop, "unheard", timedelta(hours=2))
    end_unheard(loop, "just-now", timedelta(seconds=GRACE - 600))
    answer = invoke(loop, loop.stack.sweep_arn, {})
    assert "unheard" in answer["announced"]
    assert "just-now" not in answer["announced"]
    assert loop.open("unheard").wait_for_results()
    assert loop.results("unheard")["unlabeled"] == 1
    assert "unheard" not in invoke(loop, loop.stack.sweep_arn, {})["announced"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        loop.results("just-now")


def test_its_rule_invokes_it(loop: Loop) -> None:
    events = loop.client("events")
    [rule] = [r for r in events.list_rules()["Rules"] if r.get("ScheduleExpression") == "rate(1 hour)"]
    [target] = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert (rule["State"], target["Arn"]) == ("ENABLED", loop.stack.sweep_arn)
