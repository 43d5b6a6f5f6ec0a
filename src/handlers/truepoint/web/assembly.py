"""Assembly of the portal's route table from its settings and dependencies."""

from __future__ import annotations

import time
from collections.abc import Callable

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.https import fetch
from truepoint.adapters.user_pool import UserPool
from truepoint.task_queue.table import Table
from truepoint.web.leads import LeadRoutes
from truepoint.web.people import People
from truepoint.web.routes import Router
from truepoint.web.sessions import Cookies, KeyStore
from truepoint.web.settings import PortalSettings
from truepoint.web.sign_in import Fetch, SignInRoutes
from truepoint.web.workers import Invoke, WorkerRoutes


def portal_router(
    settings: PortalSettings,
    store: Bucket,
    table: Table,
    invoke: Invoke,
    *,
    get: Fetch = fetch,
    now: Callable[[], float] = time.time,
) -> Router:
    """Return the route table.

    Args:
        settings: the portal's address and its identity provider.
        store: the stack's bucket.
        table: the portal's table.
        invoke: calls the Lambda function that makes task inputs.
        get: sends requests to the identity provider.
        now: returns the time in seconds since 1970.
    """
    keys, cookies = KeyStore(table), Cookies(settings.secure)
    sign_in = SignInRoutes(settings.provider, table, keys, cookies, origin=settings.origin, get=get, now=now)
    workers = WorkerRoutes(store, table, invoke, now)
    provider = settings.provider
    users = UserPool(settings.user_pool) if settings.user_pool else None
    leads = LeadRoutes(store, table, issuer=provider.issuer, users=users, leads=provider.leads, now=now)
    people = People(table, keys, cookies, now)
    return Router([*sign_in.routes(), *workers.routes(), *leads.routes()], settings.origin, people.identify)
