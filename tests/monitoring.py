"""The metrics that template.yaml's dashboard and alarms look at."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from samcli.yamlhelper import yaml_parse

TEMPLATE: dict[str, Any] = yaml_parse((Path(__file__).parents[1] / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS: dict[str, dict[str, Any]] = {
    name: resource["Properties"] for name, resource in RESOURCES.items() if resource["Type"] == "AWS::CloudWatch::Alarm"
}
"""Properties by logical id."""


class Metric(NamedTuple):
    """A metric by namespace, name and its one dimension's name and value; the value as `<resource or attribute>`."""

    namespace: str
    name: str
    dimension: str
    value: str


def dashboard() -> dict[str, Any]:
    """The dashboard's body; `${X}` stands as `<X>`."""
    text = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    return dict(json.loads(re.sub(r"\$\{([A-Za-z.:]+)\}", r"<\1>", text)))


def on_dashboard() -> list[Metric]:
    """Every metric that a widget draws."""
    rows = [row for widget in dashboard()["widgets"] for row in widget["properties"].get("metrics", ())]
    return [Metric(*row[:4]) for row in rows]


def of_alarm(alarm: dict[str, Any]) -> Metric:
    """The metric that an alarm watches."""
    [dimension] = alarm["Dimensions"]
    [value] = dimension["Value"].values()
    value = ".".join(value) if isinstance(value, list) else value
    return Metric(alarm["Namespace"], alarm["MetricName"], dimension["Name"], f"<{value}>")
