"""Every route as everybody. The routes come from the function's own table: one without a row here fails."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from portal_jobs import NOW, put_description, put_images, put_template
from portal_requests import ADA, ANSWER, BEA, LEA, ORIGIN, OUT, SKIP, PortalRequests
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Person, Worker
from truepoint.task_queue.table import Table
from truepoint.tasks import loading
from truepoint.web import sessions
from truepoint.web.routes import Role
from truepoint.web.sessions import SESSION, SIGN_IN, KeyStore, Session


class Row(NamedTuple):
    """What a route answers: a member of the job who is no lead, a lead who is no member, somebody who is neither."""

    member: int
    lead: int
    outsider: int
    body: Any = None
    line: int = 0


OPEN, OWN, MEMBERS = (302, 302, 302), (200, 200, 200), (200, 404, 404)
LEADS = (403, 200, 403)
JOB, LEAD_JOB = "/api/jobs/{job}", "/api/lead/jobs/{job}"
ROWS = {
    ("GET", "/api/sign-in"): Row(*OPEN),
    ("GET", "/api/signed-in"): Row(*OPEN),
    ("POST", "/api/sign-out"): Row(*OWN, {}),
    ("GET", "/api/me"): Row(*OWN),
    ("GET", JOB): Row(*MEMBERS),
    ("POST", f"{JOB}/tasks"): Row(*MEMBERS, {}),
    ("GET", f"{JOB}/answers"): Row(*MEMBERS),
    ("GET", f"{JOB}/answers/{{line}}"): Row(*MEMBERS),
    ("POST", f"{JOB}/answers/{{line}}"): Row(*MEMBERS, ANSWER, 1),
    ("PUT", f"{JOB}/answers/{{line}}"): Row(*MEMBERS, ANSWER),
    ("POST", f"{JOB}/skips/{{line}}"): Row(*MEMBERS, SKIP, 1),
    ("GET", "/api/lead/jobs"): Row(*LEADS),
    ("GET", LEAD_JOB): Row(*LEADS),
    ("POST", f"{LEAD_JOB}/pause"): Row(*LEADS, {}),
    ("POST", f"{LEAD_JOB}/resume"): Row(*LEADS, {}),
    ("POST", f"{LEAD_JOB}/finish"): Row(*LEADS, {}),
    ("POST", f"{LEAD_JOB}/reopen"): Row(403, 409, 403, {}),  # it has not ended
    ("POST", f"{LEAD_JOB}/extend"): Row(*LEADS, {"hours": 1}),
    ("PUT", f"{LEAD_JOB}/members"): Row(*LEADS, {"everyone": True, "members": []}),
    ("POST", f"{LEAD_JOB}/workers/{{worker}}/pause"): Row(*LEADS, {}),
    ("POST", f"{LEAD_JOB}/workers/{{worker}}/resume"): Row(*LEADS, {}),
    ("GET", f"{LEAD_JOB}/results"): Row(*LEADS),
    ("GET", "/api/lead/people"): Row(*LEADS),
    ("POST", "/api/lead/people"): Row(403, 409, 403, {"email": "a@example.com"}),  # a company's provider
    ("GET", "/api/lead/log"): Row(*LEADS),
}
KEYS = sorted(ROWS)
PUBLIC = {key for key in KEYS if key[1] in ("/api/sign-in", "/api/signed-in", "/api/sign-out")}
NAMES = [f"{method} {path}" for method, path in KEYS]
each_route = pytest.mark.parametrize("key", KEYS, ids=NAMES)


@pytest.fixture
def portal(bucket: Bucket, table: Table) -> PortalRequests:
    """Ada is a member of a job that is closed to others; she has answered line 0 and holds line 1."""
    put_images(bucket, 4)
    put_template(bucket)
    loading.load(bucket, table, put_description(bucket))
    made = PortalRequests(bucket, table)
    made.put(rows.worker_key("people-1", ADA), Worker(member=True))
    key = rows.job_key("people-1")
    job = rows.read(table.get([key])[key], Job)
    job.everyone = False
    made.put(key, job)
    made.take()
    assert made.send("POST", "/api/jobs/people-1/answers/0", ANSWER)[0] == 200
    return made


def path_of(key: tuple[str, str], job: str = "people-1") -> str:
    return key[1].format(job=job, line=ROWS[key].line, worker=ADA)


def state(portal: PortalRequests) -> Any:
    """All that a refused request must leave as it is."""
    parts = ("", "#W", "#I#0", "#Q#0", "#S", "#F")
    partitions = [rows.JOBS, rows.PEOPLE, *[f"J#people-1{part}" for part in parts]]
    files = [key for folder in ("jobs/people-1", "output/People-1", "portal") for key in portal.bucket.keys(folder, "")]
    return [portal.table.query(pk) for pk in partitions], files


def test_every_route_has_a_row(portal: PortalRequests) -> None:
    assert sorted((route.method, route.path) for route in portal.router.routes) == KEYS


def test_only_signing_in_and_out_is_open_to_everybody(portal: PortalRequests) -> None:
    roles = {(route.method, route.path): route.role for route in portal.router.routes}
    assert {key for key, role in roles.items() if role is Role.NOBODY} == PUBLIC
    assert {key for key, role in roles.items() if role is Role.LEAD} == {
        k for k in KEYS if k[1].startswith("/api/lead/")
    }


@each_route
@pytest.mark.parametrize("column", ["member", "lead", "outsider"])
def test_a_route_answers_each_role(portal: PortalRequests, key: tuple[str, str], column: str) -> None:
    row, before = ROWS[key], state(portal)
    who = {"member": ADA, "lead": LEA, "outsider": OUT}[column]
    status, body = portal.send(key[0], path_of(key), row.body, who=who)
    expected = getattr(row, column)
    assert status == expected, body
    if expected in (403, 404):
        assert state(portal) == before
    assert portal.reports == []


def forged(portal: PortalRequests) -> dict[str, str]:
    """Cookies that are no session of anybody's, by what is wrong with them."""
    name, value = portal.cookie(LEA).split("=", 1)
    key_name, payload, seal = value.split(".")
    other = portal.cookie(ADA).split("=", 1)[1].split(".")
    foreign = sessions.seal([sessions.SigningKey(key_name, "A" * 43, NOW)], SESSION, Session(LEA, int(NOW) + 60))
    sign_in = sessions.seal(KeyStore(portal.table).keys(NOW), SIGN_IN, Session(LEA, int(NOW) + 60))
    return {
        "expired": portal.cookie(LEA, NOW),
        "of somebody who was removed": portal.cookie("p" + "e" * 19),
        "another payload": f"{name}={key_name}.{other[1]}.{seal}",
        "another seal": f"{name}={key_name}.{payload}.{other[2]}",
        "no seal": f"{name}={key_name}.{payload}.",
        "no parts": f"{name}={value.replace('.', '')}",
        "more parts": f"{name}={value}.{seal}",
        "another key of this name": f"{name}={foreign}",
        "a key that is not there": f"{name}=zzzzzzzz.{payload}.{seal}",
        "of another purpose": f"{name}={sign_in}",
        "under another name": f"truepoint-session={value}",
        "in capitals": f"{name.upper()}={value}",
        "not ASCII": f"{name}={key_name}.{payload}.é",
        "half a surrogate pair": f"{name}={key_name}.{payload}.\ud800",
        "half a surrogate pair before": f"{name}={key_name}.\ud800.{seal}",
        "a line break": f"{name}={value}\r\nx: y",
        "too long": f"{name}={value}{'A' * 5000}",
        "quoted": f'{name}="{value}"',
        "empty": f"{name}=",
        "nothing": "",
    }


WRONG = (
    "expired", "of somebody who was removed", "another payload", "another seal", "no seal", "no parts", "more parts",
    "another key of this name", "a key that is not there", "of another purpose", "under another name", "in capitals",
    "not ASCII", "half a surrogate pair", "half a surrogate pair before", "a line break", "too long", "quoted", "empty",
    "nothing",
)  # fmt: skip


@each_route
def test_a_route_answers_nobody_without_a_session(portal: PortalRequests, key: tuple[str, str]) -> None:
    cookies, before = forged(portal), state(portal)
    assert tuple(cookies) == WRONG
    for wrong, cookie in cookies.items():
        event = portal.event(key[0], path_of(key), ROWS[key].body, [cookie] if cookie else [], {})
        made = portal.made(event)
        if key in PUBLIC:
            assert made["statusCode"] in (200, 302), wrong
        else:
            assert (made["statusCode"], json.loads(made["body"])["error"]["code"]) == (401, "signed-out"), wrong
            assert made["cookies"] == []
    assert state(portal) == before
    assert portal.reports == []


@each_route
def test_a_route_takes_writes_of_the_portals_own_page_only(portal: PortalRequests, key: tuple[str, str]) -> None:
    before = state(portal)
    foreign = ("https://evil.example", "null", "", f"{ORIGIN}/", f"{ORIGIN}.evil.example", ORIGIN.upper())
    for origin in (*foreign, "http://portal.example"):
        for who in (ADA, LEA):
            status, _ = portal.send(key[0], path_of(key), ROWS[key].body, who=who, origin=origin)
            assert (status == 403) >= (key[0] != "GET"), origin
    if key[0] != "GET":
        event = portal.event(key[0], path_of(key), ROWS[key].body, [portal.cookie(LEA)], {})
        del event["headers"]["origin"]
        assert portal.made(event)["statusCode"] == 403
        assert state(portal) == before


@pytest.mark.parametrize("job", ["other", "people-10", "people"])
def test_a_route_of_a_job_that_is_not_there(portal: PortalRequests, job: str) -> None:
    before = state(portal)
    for key in [key for key in KEYS if "{job}" in key[1]]:
        for who in (ADA, LEA):
            status, body = portal.send(key[0], path_of(key, job), ROWS[key].body, who=who)
            assert status == (403 if who == ADA and key[1].startswith("/api/lead") else 404), (key, body)
    assert state(portal) == before


def test_a_path_beside_a_route_is_none(portal: PortalRequests) -> None:
    for key in KEYS:
        for change in ("/", "//", "/..", "%00", "/x/y", ";a", "%0d%0aset-cookie:%20a=b", "\n"):
            status, _ = portal.send(key[0], path_of(key) + change, ROWS[key].body, who=LEA)
            assert status == 404, (key, change)


def test_a_route_takes_its_own_methods_only(portal: PortalRequests) -> None:
    before = state(portal)
    for key in KEYS:
        for method in ("DELETE", "PATCH", "OPTIONS", "HEAD", "TRACE", "get "):
            assert portal.send(method, path_of(key), ROWS[key].body, who=LEA)[0] == 405, (key, method)
    assert state(portal) == before


def test_a_lead_who_is_none_any_more_leads_no_longer(portal: PortalRequests) -> None:
    cookie = portal.cookie(LEA)
    portal.put(rows.person_key(LEA), Person(name="L"))
    assert portal.send("GET", "/api/lead/people", cookie=cookie)[0] == 403


def test_of_two_session_cookies_the_first_counts_whole(portal: PortalRequests) -> None:
    """Two cookies of one name reach us if another path or host set one: neither adds rights to the other."""
    mine, hers = portal.cookie(OUT), portal.cookie(LEA)
    for cookies in ([mine, hers], [f"{mine}; {hers}"]):
        event = portal.event("GET", "/api/lead/people", None, cookies, {})
        assert portal.made(event)["statusCode"] == 403
    event = portal.event("GET", "/api/me", None, [], {"cookie": f"{mine}; {hers}"})
    assert json.loads(portal.made(event)["body"])["person"]["id"] == OUT


@pytest.mark.parametrize("name", ["origin", "Origin", "ORIGIN", "oRiGiN"])
def test_header_names_have_no_case(portal: PortalRequests, name: str) -> None:
    event = portal.event("POST", "/api/jobs/people-1/tasks", {}, [portal.cookie(ADA)], {})
    event["headers"] = {name: ORIGIN, "Content-Type": "application/json; charset=utf-8"}
    assert portal.made(event)["statusCode"] == 200
    event["headers"][name] = "https://evil.example"
    assert portal.made(event)["statusCode"] == 403


def test_two_origins_are_none(portal: PortalRequests) -> None:
    event = portal.event("POST", "/api/jobs/people-1/tasks", {}, [portal.cookie(ADA)], {"origin": f"{ORIGIN},{ORIGIN}"})
    assert portal.made(event)["statusCode"] == 403


def test_huge_headers_are_answered(portal: PortalRequests) -> None:
    cookies = [portal.cookie(ADA), *[f"c{n}={'x' * 4000}" for n in range(200)]]
    event = portal.event("GET", "/api/me", None, cookies, {f"x-{n}": "y" * 8000 for n in range(200)})
    assert portal.made(event)["statusCode"] == 200


def test_no_response_takes_a_line_break_into_a_header(portal: PortalRequests) -> None:
    for query in ("return=%2Fportal%2F%0d%0aset-cookie%3A+a%3Db", "return=/portal/\r\nx", "state=%0d%0a&code=%0a"):
        for path in ("/api/sign-in", "/api/signed-in"):
            made = portal.made(portal.event("GET", path, None, [], {}) | {"rawQueryString": query})
            lines = [*made["headers"].values(), *made["cookies"]]
            assert not any({"\r", "\n"} & set(line) for line in lines)


def test_nobody_learns_of_others(portal: PortalRequests) -> None:
    """What a member is told names nobody else."""
    for key in KEYS:
        if ROWS[key].member == 200:
            _, body = portal.send(key[0], path_of(key), ROWS[key].body)
            assert not {BEA, LEA, OUT} & set(json.dumps(body).split('"'))
