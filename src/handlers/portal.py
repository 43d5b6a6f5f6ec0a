"""Entry module: answers requests to the labelling portal. CloudFront invokes it through its function URL."""

from __future__ import annotations

from functools import cache
from typing import Any

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.control import invoke, read_parameter
from truepoint.adapters.environment import bucket_name, portal_settings, portal_table
from truepoint.adapters.telemetry import MetricUnit, logger, metrics
from truepoint.task_queue.table import Table
from truepoint.web.application import Application
from truepoint.web.assembly import portal_router


@logger.inject_lambda_context(clear_state=True)
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the response to a request. Never raise, because the caller would get an error without a reason."""
    return _application().respond(event, _report)


@cache
def _application() -> Application:
    """Return the application, which keeps connections, keys and caches between requests of one function instance."""
    store, table = Bucket(bucket_name()), Table(portal_table())
    return Application(
        lambda: read_parameter(portal_settings()), lambda settings: portal_router(settings, store, table, invoke)
    )


def _report(said: str, error: Exception) -> None:
    """Log an error and count it in a metric. Neither the response nor the invocation's status shows it."""
    logger.error(said, error=type(error).__name__, exc_info=error)
    metrics.add_metric("PortalFailures", MetricUnit.Count, 1)
    metrics.flush_metrics()
