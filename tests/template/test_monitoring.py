"""Dashboard and alarms: what they look at is there, and who should hear of an alarm does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitoring import ALARMS, RESOURCES, TEMPLATE, dashboard, of_alarm, on_dashboard

ROOT = Path(__file__).parents[2]
DIMENSIONS = {
    "Truepoint": ("service", {"AWS::StackName": None}),
    "AWS/Lambda": ("FunctionName", {"": "AWS::Serverless::Function"}),
    "AWS/SQS": ("QueueName", {".QueueName": "AWS::SQS::Queue"}),
    "AWS/States": ("StateMachineArn", {"": "AWS::Serverless::StateMachine"}),
}


@pytest.mark.parametrize("metric", sorted({*on_dashboard(), *map(of_alarm, ALARMS.values())}), ids=str)
def test_every_metric_is_of_something_in_the_stack(metric: tuple[str, str, str, str]) -> None:
    namespace, _, dimension, value = metric
    name, values = DIMENSIONS[namespace]
    assert dimension == name
    [(suffix, kind)] = values.items()
    if kind is None:
        assert value == f"<{suffix}>"
    else:
        assert RESOURCES[value.strip("<>").removesuffix(suffix)]["Type"] == kind


def test_our_own_metrics_carry_the_stacks_name() -> None:
    """The dimension `service` is what Powertools finds in this variable."""
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == {"Ref": "AWS::StackName"}


def test_every_alarm_is_on_the_dashboard_with_what_it_watches() -> None:
    [shown] = [w["properties"]["alarms"] for w in dashboard()["widgets"] if w["type"] == "alarm"]
    assert shown == [f"<{name}.Arn>" for name in ALARMS]
    assert {of_alarm(alarm) for alarm in ALARMS.values()} <= set(on_dashboard())


def test_no_widget_covers_another() -> None:
    cells = [
        (x, y)
        for w in dashboard()["widgets"]
        for x in range(w["x"], w["x"] + w["width"])
        for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24  # the width of a dashboard


@pytest.mark.parametrize("name", ALARMS)
def test_every_alarm_notifies_the_topics_and_has_a_runbook(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["AlarmActions"] == [
        {"Fn::If": ["HasAlarmEmail", {"Ref": "AlarmTopic"}, {"Ref": "AWS::NoValue"}]},
        {"Fn::If": ["HasAlarmTopicArn", {"Ref": "AlarmTopicArn"}, {"Ref": "AWS::NoValue"}]},
    ]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert re.search(rf"docs/operations\.md, {name}\.", " ".join(alarm["AlarmDescription"].split()))
    assert f"**{name}**" in (ROOT / "docs" / "operations.md").read_text()


def test_cloudwatch_may_use_the_topic() -> None:
    """It may not use AWS's own key for SNS, and its alarms would be lost without a trace."""
    assert RESOURCES["AlarmTopic"]["Condition"] == "HasAlarmEmail"
    assert "KmsMasterKeyId" not in RESOURCES["AlarmTopic"]["Properties"]
