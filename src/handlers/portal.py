"""Entry module: answers the requests of the labelling portal. Called by its function URL, which CloudFront invokes."""

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
    """Return the response to a request. Never raise: the caller would get an error without a reason."""
    return _application().respond(event, _report)


@cache
def _application() -> Application:
    """What one instance of the function keeps between requests: connections, keys and caches."""
    store, table = Bucket(bucket_name()), Table(portal_table())
    return Application(
        lambda: read_parameter(portal_settings()), lambda settings: portal_router(settings, store, table, invoke)
    )


def _report(said: str, error: Exception) -> None:
    """Tell the operator: the response says nothing of it, and no invocation fails."""
    logger.error(said, error=type(error).__name__, exc_info=error)
    metrics.add_metric("PortalFailures", MetricUnit.Count, 1)
    metrics.flush_metrics()
