"""Each alarm of the deployed stack fires when its metric crosses its threshold."""

from __future__ import annotations

import json
from typing import Any

import pytest
from loop import Loop

from monitoring import ALARMS, of_alarm


@pytest.fixture(scope="module")
def cloudwatch(loop: Loop) -> Any:
    return loop.client("cloudwatch")


@pytest.mark.parametrize("name", ALARMS)
def test_the_alarm_fires(loop: Loop, cloudwatch: Any, name: str) -> None:
    cloudformation = loop.client("cloudformation")
    resource = cloudformation.describe_stack_resource(StackName="truepoint", LogicalResourceId=name)
    physical = resource["StackResourceDetail"]["PhysicalResourceId"]
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[physical])["MetricAlarms"]
    assert "<" not in str(alarm["Dimensions"])
    cloudwatch.set_alarm_state(AlarmName=physical, StateValue="OK", StateReason="test")
    datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": alarm["Threshold"] + 1}
    cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[physical])["MetricAlarms"]
    assert alarm["StateValue"] == "ALARM", of_alarm(ALARMS[name])


def test_the_dashboard_is_valid(loop: Loop, cloudwatch: Any) -> None:
    [entry] = cloudwatch.list_dashboards()["DashboardEntries"]
    body = json.loads(cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"])
    assert "${" not in json.dumps(body)
    assert len(body["widgets"]) >= 9
