"""The one logger and the one set of metrics. Ids and counts only: no payloads, presigned URLs or identities."""

from __future__ import annotations

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="truepoint")
metrics = Metrics(namespace="Truepoint", service="truepoint")

__all__ = ["MetricUnit", "logger", "metrics"]
