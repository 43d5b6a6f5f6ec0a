"""The routes of leads: jobs and their progress, who may work on them, people, results and the log."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.user_pool import LABELERS, InvitationError, UserPool
from truepoint.json_text import JsonError, decode
from truepoint.keys import job_keys
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Person, Worker
from truepoint.task_queue.table import Action, ConditionError, Table
from truepoint.tasks.lead_actions import MOST_HOURS, LeadActions, NotPossibleError
from truepoint.tasks.leads_log import Entry, LeadsLog
from truepoint.web import requests
from truepoint.web.cards import job_card, pace_per_hour
from truepoint.web.identity import pseudonym
from truepoint.web.job_rows import read_jobs, read_workers
from truepoint.web.people import Caller
from truepoint.web.requests import RefusedError, Request, Response
from truepoint.web.routes import PERSON, Parameters, Role, Route

LINK_SECONDS = 3600
"""Validity of a link to a file of results, in seconds."""
RECENT_SECONDS = 900.0
"""Time after the last answer for which a worker counts in a job's pace, in seconds."""
MOST_SKIPS = 500
"""Maximum number of skips that are listed for a job."""
MOST_ENTRIES = 200
"""Maximum number of log entries that are listed."""
MOST_MEMBERS = 5000
"""Maximum number of members of a job."""
REOPENED_HOURS = 24.0
"""Minimum time for which a reopened job accepts answers, in hours."""
LARGEST_MARKER = 1024 * 1024
"""Maximum size of results.json, in bytes."""
LONGEST_EMAIL = 254
"""Maximum length of an e-mail address, in characters (RFC 5321, erratum 1690)."""

_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""An e-mail address as browsers accept it (HTML Standard, "valid e-mail address"), with at least one dot."""
_PERSON = re.compile(PERSON)
_FILE = re.compile(r"(?:[A-Za-z0-9_-]+/)?[A-Za-z0-9_-]+\.[A-Za-z0-9]+")
"""Path of a file of results: in the results' folder or one level below. In results.json,
folders end with a slash and so do not match."""


class LeadRoutes:
    """The requests that only leads may make.

    Args:
        store: the stack's bucket.
        table: the portal's table.
        issuer: the issuer of id tokens, from which pseudonyms are derived.
        users: the user pool to which leads invite people; None if a company's identity provider is used.
        leads: the name of the leads' group.
        now: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        store: Bucket,
        table: Table,
        *,
        issuer: str,
        users: UserPool | None,
        leads: str = "leads",
        now: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._table = table
        self._actions = LeadActions(store, table)
        self._log = LeadsLog(store)
        self._issuer = issuer
        self._users = users
        self._leads = leads
        self._now = now

    def routes(self) -> list[Route]:
        """Return the routes."""
        job, worker = "/api/lead/jobs/{job}", "/api/lead/jobs/{job}/workers/{worker}"
        return [
            Route("GET", "/api/lead/jobs", Role.LEAD, self.jobs),
            Route("GET", job, Role.LEAD, self.job),
            Route("POST", f"{job}/pause", Role.LEAD, self.pause),
            Route("POST", f"{job}/resume", Role.LEAD, self.resume),
            Route("POST", f"{job}/finish", Role.LEAD, self.finish),
            Route("POST", f"{job}/reopen", Role.LEAD, self.reopen),
            Route("POST", f"{job}/extend", Role.LEAD, self.extend),
            Route("PUT", f"{job}/members", Role.LEAD, self.members),
            Route("POST", f"{worker}/pause", Role.LEAD, self.pause_worker),
            Route("POST", f"{worker}/resume", Role.LEAD, self.resume_worker),
            Route("GET", f"{job}/results", Role.LEAD, self.results),
            Route("GET", "/api/lead/people", Role.LEAD, self.people),
            Route("POST", "/api/lead/people", Role.LEAD, self.invite),
            Route("GET", "/api/lead/log", Role.LEAD, self.log),
        ]

    # -- reading

    def jobs(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """List all jobs."""
        jobs = read_jobs(self._table)
        return Response(value={"jobs": [self._lead_job(job, caller, read_workers(self._table, job)) for job in jobs]})

    def job(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Show a job: its progress, its workers, and what they skipped."""
        job = _job(caller)
        workers, now = read_workers(self._table, job), self._now()
        names = self._names(workers)
        shown = self._lead_job(job, caller, workers)
        pace = pace_per_hour(workers.values(), now, RECENT_SECONDS)
        missing = max(0, job.open * job.workers_per_image - shown["answers"])
        skips = self._table.query(rows.skips_pk(job.key), limit=MOST_SKIPS + 1)
        return Response(
            value={
                **shown,
                "workers": [_worker_row(worker, row, names) for worker, row in workers.items() if _has_part(row)],
                "skips": [
                    {"line": skip["line"], "worker": skip.get("worker"), "reason": skip.get("reason"),
                     "note": skip.get("note"), "time": skip["time"]}
                    for skip in skips[:MOST_SKIPS]
                ],
                "moreSkips": len(skips) > MOST_SKIPS,
                "pacePerHour": round(pace, 1) or None,
                "estimatedEnd": now + 3600 * missing / pace if pace and missing and job.is_open else None,
                "problem": job.problem,
            }
        )  # fmt: skip

    def results(self, _request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Return links to the files of complete results."""
        keys = job_keys(_job(caller).name)
        text = self._store.find(keys.results_marker, LARGEST_MARKER)
        names = _result_files(text, keys.results_marker.removeprefix(keys.results))
        folders = sorted({f"{keys.results}{name}".rpartition("/")[0] for name in names})
        sizes = {entry.key: entry.size for folder in folders for entry in self._store.entries(folder)}
        files = [
            {"name": name, "url": self._store.link(key, LINK_SECONDS), "size": sizes[key]}
            for name in names
            if (key := f"{keys.results}{name}") in sizes
        ]
        return Response(value={"ready": text is not None, "files": files})

    def people(self, _request: Request, _caller: Caller, _parameters: Parameters) -> Response:
        """List all people who were invited or have signed in."""
        listed = [_person(row["sk"], rows.read(row, Person)) for row in self._table.query(rows.PEOPLE)]
        return Response(
            value={"people": sorted(listed, key=lambda person: (person["name"] or person["email"]).lower())}
        )

    def log(self, _request: Request, _caller: Caller, _parameters: Parameters) -> Response:
        """List the leads' actions, newest first."""
        return Response(value={"entries": [msgspec.to_builtins(entry) for entry in self._log.latest(MOST_ENTRIES)]})

    # -- actions

    def pause(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Pause a job."""
        request.fields()
        return self._decide(caller, "pause", lambda job: self._actions.pause(job, paused=True))

    def resume(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Resume a paused job."""
        request.fields()
        return self._decide(caller, "resume", lambda job: self._actions.pause(job, paused=False))

    def finish(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """End a job before every image is labelled."""
        request.fields()
        return self._decide(caller, "finish", lambda job: self._actions.finish(job, self._now()))

    def reopen(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Reopen a job that has ended."""
        request.fields()
        return self._decide(caller, "reopen", lambda job: self._actions.reopen(job, REOPENED_HOURS, self._now()))

    def extend(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Move a job's deadline."""
        hours = requests.number(request.fields(), "hours", MOST_HOURS)
        if not hours:
            raise RefusedError(400, "bad-input", "Expected hours to be more than 0.")
        return self._decide(
            caller, "extend", lambda job: self._actions.extend(job, hours, self._now()), {"hours": hours}
        )

    def members(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Set who may work on a job."""
        fields = request.fields()
        everyone, members = fields.get("everyone"), fields.get("members")
        if not isinstance(everyone, bool):
            raise RefusedError(400, "bad-input", "Expected everyone to be true or false.")
        if not isinstance(members, list) or len(members) > MOST_MEMBERS or not all(map(_is_person, members)):
            raise RefusedError(
                400, "bad-input", f"Expected members to be a list of at most {MOST_MEMBERS} people's ids."
            )
        wanted = sorted(set(members))
        return self._decide(
            caller,
            "members",
            lambda job: self._actions.set_members(job, everyone, wanted),
            {"everyone": everyone, "members": wanted},
        )

    def pause_worker(self, request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Pause a worker in a job."""
        return self._decide_worker(request, caller, parameters["worker"], paused=True)

    def resume_worker(self, request: Request, caller: Caller, parameters: Parameters) -> Response:
        """Resume a paused worker in a job."""
        return self._decide_worker(request, caller, parameters["worker"], paused=False)

    def invite(self, request: Request, caller: Caller, _parameters: Parameters) -> Response:
        """Invite a person by e-mail, or invite them again."""
        fields = request.fields()
        email, lead = requests.text(fields, "email", LONGEST_EMAIL).lower(), fields.get("lead", False)
        if not _EMAIL.fullmatch(email):
            raise RefusedError(400, "bad-email", "Expected email to be an e-mail address.")
        if not isinstance(lead, bool):
            raise RefusedError(400, "bad-input", "Expected lead to be true or false.")
        if self._users is None:
            raise RefusedError(409, "company", "Your company's own sign-in decides who may use the portal.")
        try:
            subject = self._users.invite(email, self._leads if lead else LABELERS)
        except InvitationError as error:
            raise RefusedError(409, error.code, str(error)) from error
        worker = pseudonym(self._issuer, subject)
        # The log contains only pseudonyms, so the entry is written after the invitation. If writing fails, the lead
        # repeats the request, and the person gets a second e-mail but only one entry.
        self._log.add(self._entry(caller, "invite", worker, {"lead": lead}))
        key, person = rows.person_key(worker), Person(email=email, lead=lead)
        try:
            self._table.write(Action(*key, put=msgspec.to_builtins(person), condition="attribute_not_exists(pk)"))
        except ConditionError:
            person = rows.read(self._table.get([key]).get(key), Person)
        return Response(value=_person(worker, person))

    # -- parts of responses and actions

    def _decide(
        self, caller: Caller, action: str, run: Callable[[Job], Job], detail: Mapping[str, Any] | None = None
    ) -> Response:
        """Log an action on a job and carry it out."""
        job = _job(caller)
        changed = self._logged(self._entry(caller, action, job.key, detail), lambda: run(job))
        return Response(value=self._lead_job(changed, caller, read_workers(self._table, changed)))

    def _decide_worker(self, request: Request, caller: Caller, worker: str, *, paused: bool) -> Response:
        request.fields()
        job = _job(caller)
        names = self._names([worker])
        if worker not in names:
            raise RefusedError(404, "no-person", "There is no such person.")
        entry = self._entry(caller, "pause worker" if paused else "resume worker", f"{job.key}/{worker}")
        row = self._logged(entry, lambda: self._actions.pause_worker(job, worker, paused))
        return Response(value=_worker_row(worker, row, names))

    def _logged(self, entry: Entry, run: Callable[[], Any]) -> Any:
        key = self._log.add(entry)
        try:
            return run()
        except NotPossibleError as error:
            self._log.refuse(key, entry, str(error))
            raise RefusedError(409, error.code, str(error)) from error

    def _entry(self, caller: Caller, action: str, subject: str, detail: Mapping[str, Any] | None = None) -> Entry:
        return Entry(time=self._now(), lead=caller.id, action=action, subject=subject, detail=dict(detail or {}))

    def _names(self, workers: Any) -> dict[str, str]:
        """Return the names of people by pseudonym; unknown pseudonyms are left out."""
        stored = self._table.get([rows.person_key(worker) for worker in workers])
        people = {key[1]: rows.read(item, Person) for key, item in stored.items()}
        return {worker: person.name or person.email for worker, person in people.items()}

    def _lead_job(self, job: Job, caller: Caller, workers: Mapping[str, Worker]) -> dict[str, Any]:
        card = job_card(job, workers.values(), workers.get(caller.id, Worker()))
        return card | {
            "everyone": job.everyone,
            "members": sorted(worker for worker, row in workers.items() if row.member),
            "deadline": job.deadline,
            "created": job.created,
            "answers": sum(row.answers for row in workers.values()),
            "open": job.open - card["complete"],
        }


def _job(caller: Caller) -> Job:
    if caller.job is None:
        raise RefusedError(404, "not-found", "There is no such job.")
    return caller.job


def _result_files(marker: bytes | None, name: str) -> list[str]:
    """Return the names of the files that results.json lists, and `name`; none if the results are not complete."""
    try:
        document = decode(marker or b"{}")
    except JsonError:
        document = {}
    files = document.get("files") if isinstance(document, dict) else None
    listed = [file for file in files.values() if isinstance(file, str)] if isinstance(files, dict) else []
    return [*[file for file in listed if _FILE.fullmatch(file)], *([name] if listed else [])]


def _is_person(value: Any) -> bool:
    return isinstance(value, str) and _PERSON.fullmatch(value) is not None


def _has_part(row: Worker) -> bool:
    return bool(row.member or row.answers or row.skips or row.paused or row.leases)


def _worker_row(worker: str, row: Worker, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": worker,
        "name": names.get(worker, ""),
        "answers": row.answers,
        "seconds": row.seconds,
        "skips": row.skips,
        "goldAnswers": row.gold_answers,
        "goldSimilarity": row.gold_similarity if row.gold_answers else None,
        "paused": row.paused,
        "last": row.last or None,
    }


def _person(worker: str, person: Person) -> dict[str, Any]:
    return {
        "id": worker,
        "name": person.name,
        "email": person.email,
        "lead": person.lead,
        "signedIn": person.signed_in or None,
    }
