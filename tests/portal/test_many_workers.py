"""Two hundred workers at once, as requests: every image gets its workers, and nobody sees an error that lasts."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from portal_jobs import put_description, put_images
from portal_site import Site
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.queue import LEASE_SECONDS, Verdict
from truepoint.task_queue.rows import Person
from truepoint.task_queue.table import Action, Table
from truepoint.web import sessions
from truepoint.web.application import respond
from truepoint.web.people import People
from truepoint.web.routes import Router
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session
from truepoint.web.workers import WorkerRoutes

ORIGIN = "https://portal.example"
WORKERS, IMAGES, PER_IMAGE = 200, 80, 3
LEAVING = 0.05
"""Share of the tasks whose worker closes the page."""
ANSWER = {"content": {"updated_annotations": "[]"}, "seconds": 3}


@pytest.fixture
def site(bucket: Bucket, table: Table) -> Site:
    put_images(bucket, IMAGES)
    put_description(bucket, workers=PER_IMAGE)
    made = Site(bucket, table)
    made.tick()
    return made


class Crowd:
    """Workers who send requests to the portal's routes."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.keys, self.cookies = KeyStore(site.table), Cookies(secure=True)
        self.statuses: Counter[int] = Counter()
        self.accepted: list[tuple[int, str]] = []
        self.reports: list[str] = []
        self._lock = threading.Lock()
        routes = WorkerRoutes(site.bucket, site.table, site.invoke, lambda: site.now).routes()
        people = People(site.table, self.keys, self.cookies, lambda: site.now)
        self.router = Router(routes, ORIGIN, people.identify)
        for n in range(WORKERS):
            site.table.write(Action(*rows.person_key(self.name(n)), put={"name": str(n), "signed_in": 1.0}))
        assert Person().name == ""

    @staticmethod
    def name(n: int) -> str:
        return f"p{n:019d}"

    def send(self, method: str, path: str, body: Any, worker: str) -> tuple[int, Any]:
        """Send a request as the page does: again while the portal is busy."""
        value = sessions.seal(self.keys.keys(self.site.now), SESSION, Session(worker, int(self.site.now + 3600)))
        event = {
            "rawPath": path,
            "requestContext": {"http": {"method": method}},
            "headers": {"origin": ORIGIN, "content-type": "application/json"},
            "cookies": [f"{self.cookies.name(SESSION)}={value}"],
            "body": json.dumps(body),
        }
        for attempt in range(20):
            made = respond(self.router, event, lambda said, error: self.reports.append(f"{said}: {error!r}"))
            with self._lock:
                self.statuses[made["statusCode"]] += 1
            if made["statusCode"] != 429:
                return made["statusCode"], json.loads(made["body"])
            time.sleep(random.uniform(0, 0.05 * 2 ** min(attempt, 5)))
        raise AssertionError(f"expected an answer after 20 tries, {worker} got none")

    def work(self, n: int, chance: random.Random) -> None:
        """Label until there is nothing, or the worker leaves."""
        worker = self.name(n)
        while True:
            status, body = self.send("POST", "/api/jobs/people-1/tasks", {}, worker)
            assert status == 200, body
            if not body["tasks"] or chance.random() < LEAVING:
                return
            line = body["tasks"][0]["line"]
            status, body = self.send("POST", f"/api/jobs/people-1/answers/{line}", ANSWER, worker)
            if (status, body.get("verdict")) == (200, Verdict.ACCEPTED.value):
                with self._lock:
                    self.accepted.append((line, worker))


def test_two_hundred_workers_at_once(site: Site) -> None:
    crowd = Crowd(site)
    for round_, workers in enumerate((WORKERS, 40, 40)):
        with ThreadPoolExecutor(workers) as pool:
            for done in [pool.submit(crowd.work, n, random.Random(1000 * round_ + n)) for n in range(workers)]:
                done.result()
        site.now += LEASE_SECONDS + 61  # whoever left comes back later, or others take the images
    assert crowd.reports == []
    assert not [status for status in crowd.statuses if status >= 500]
    assert set(crowd.statuses) <= {200, 409, 429}
    assert len(crowd.accepted) == len(set(crowd.accepted)) == IMAGES * PER_IMAGE
    assert Counter(line for line, _ in crowd.accepted) == dict.fromkeys(range(IMAGES), PER_IMAGE)
    assert site.queue.is_empty()
    for line in range(IMAGES):
        assert set(site.image(line).done) == {worker for other, worker in crowd.accepted if other == line}
