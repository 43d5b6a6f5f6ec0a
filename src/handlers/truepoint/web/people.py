"""Identification of a request's caller by the session cookie, with the caller's rows, in one read of the table."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Person, Worker
from truepoint.task_queue.table import Table
from truepoint.web import sessions
from truepoint.web.requests import RefusedError, Request
from truepoint.web.routes import Parameters
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session


class Caller(NamedTuple):
    """A signed-in person, and, if the path names a job, the job and the person's row in it.

    Attributes:
        id: the pseudonym.
        person: the person's row.
        expires: the end of the session, in seconds since 1970.
        job: the job; None if the path names no job or one that does not exist.
        row: the caller's row in the job; with all defaults if there is none.
    """

    id: str
    person: Person
    expires: int
    job: Job | None
    row: Worker

    @property
    def lead(self) -> bool:
        """Whether the caller is a lead."""
        return self.person.lead

    def member_of(self) -> Job:
        """Return the path's job.

        Raises:
            RefusedError: the job does not exist, or the caller may not work on it. The response does not say which.
        """
        if self.job is None or not (self.job.everyone or self.row.member):
            raise RefusedError(404, "not-found", "There is no such job, or you may not work on it.")
        return self.job


class People:
    """A finder of callers by their session cookies."""

    def __init__(self, table: Table, keys: KeyStore, cookies: Cookies, now: Callable[[], float] = time.time) -> None:
        self._table = table
        self._keys = keys
        self._cookies = cookies
        self._now = now

    def identify(self, request: Request, parameters: Parameters) -> Caller | None:
        """Return the caller; None if the session is missing, forged or expired, or the person was removed."""
        text = request.cookies.get(self._cookies.name(SESSION), "")
        if not text:
            return None
        now = self._now()
        keys = self._keys.find(sessions.key_name(text), now)
        session = sessions.unseal(keys, SESSION, text, Session, now)
        if session is None:
            return None
        person = rows.person_key(session.person)
        name = parameters.get("job", "")
        job, worker = rows.job_key(name), rows.worker_key(name, session.person)
        stored = self._table.get([person, *([job, worker] if name else [])])
        if person not in stored:
            return None
        return Caller(
            id=session.person,
            person=rows.read(stored[person], Person),
            expires=session.expires,
            job=rows.read(stored[job], Job) if job in stored else None,
            row=rows.read(stored.get(worker), Worker),
        )
