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
from truepoint.web.people import People
from truepoint.web.routes import Router
from truepoint.web.sessions import Cookies, KeyStore
from truepoint.web.settings import Settings
from truepoint.web.sign_in import SignInRoutes
from truepoint.web.workers import WorkerRoutes


@logger.inject_lambda_context(clear_state=True)
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Return the response to a request. Never raise: the caller would get an error without a reason."""
    return _application().respond(event, _report)


@cache
def _application() -> Application:
    """What one instance of the function keeps between requests: connections, keys and caches."""
    return Application(lambda: read_parameter(portal_settings()), _router)


def _router(settings: Settings) -> Router:
    store, table = Bucket(bucket_name()), Table(portal_table())
    keys, cookies = KeyStore(table), Cookies(settings.secure)
    sign_in = SignInRoutes(settings.provider, table, keys, cookies, origin=settings.origin)
    workers = WorkerRoutes(store, table, invoke)
    people = People(table, keys, cookies)
    return Router([*sign_in.routes(), *workers.routes()], settings.origin, people.identify)


def _report(said: str, error: Exception) -> None:
    """Tell the operator: the response says nothing of it, and no invocation fails."""
    logger.error(said, error=type(error).__name__, exc_info=error)
    metrics.add_metric("PortalFailures", MetricUnit.Count, 1)
    metrics.flush_metrics()
