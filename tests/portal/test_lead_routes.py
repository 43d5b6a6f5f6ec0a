"""The routes of leads against the emulator: a job's progress, decisions, people, results, and the log of all that."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from portal_jobs import NOW, put_description, put_images
from portal_requests import ADA, ANSWER, BEA, LEA, ORIGIN, OUT, SKIP, PortalRequests
from truepoint.adapters.bucket import Bucket
from truepoint.emulator.emulator import Emulator
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Worker
from truepoint.task_queue.table import Table
from truepoint.tasks import loading
from truepoint.tasks.leads_log import Entry, LeadsLog
from truepoint.web.identity import pseudonym


@pytest.fixture
def user_pool(account: Emulator) -> Iterator[tuple[str, Any]]:
    client = account.session().client("cognito-idp", endpoint_url=account.endpoint)
    pool = client.create_user_pool(
        PoolName="people", UsernameAttributes=["email"], AdminCreateUserConfig={"AllowAdminCreateUserOnly": True}
    )["UserPool"]["Id"]
    for group in ("leads", "labelers"):
        client.create_group(UserPoolId=pool, GroupName=group)
    yield pool, client
    client.delete_user_pool(UserPoolId=pool)


@pytest.fixture
def portal(bucket: Bucket, table: Table, user_pool: tuple[str, Any]) -> PortalRequests:
    put_images(bucket, 4)
    loading.load(bucket, table, put_description(bucket))
    return PortalRequests(bucket, table, user_pool=user_pool[0])


def lead(portal: PortalRequests, method: str, path: str, body: Any = None) -> Any:
    status, answer = portal.send(method, path, body, who=LEA)
    assert status == 200, answer
    return answer


def job_row(portal: PortalRequests) -> Job:
    key = rows.job_key("people-1")
    row: Job = rows.read(portal.table.get([key])[key], Job)
    return row


def log(portal: PortalRequests) -> list[dict[str, Any]]:
    return list(lead(portal, "GET", "/api/lead/log")["entries"])


def test_a_lead_sees_the_jobs_progress(portal: PortalRequests) -> None:
    [before] = lead(portal, "GET", "/api/lead/jobs")["jobs"]
    assert (before["name"], before["images"], before["answers"], before["open"]) == ("People-1", 4, 0, 4)
    assert (before["everyone"], before["members"]) == (True, [])
    for who in (ADA, BEA):
        portal.take(who)
        portal.now += 60
        assert portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER | {"seconds": 30}, who=who)[0] == 200
    assert portal.send("POST", "/api/jobs/people-1/skips/1", SKIP, who=ADA)[0] == 200
    after = lead(portal, "GET", "/api/lead/jobs/people-1")
    assert (after["answers"], after["complete"], after["open"]) == (2, 1, 3)
    assert {worker["id"]: (worker["answers"], worker["seconds"], worker["skips"]) for worker in after["workers"]} == {
        ADA: (1, 30, 1),
        BEA: (1, 30, 0),
    }
    assert [worker["name"] for worker in after["workers"]] == ["A", "B"]
    assert after["skips"] == [
        {"line": 1, "worker": ADA, "reason": "unusable", "note": "dark", "time": pytest.approx(portal.now)}
    ]
    # Two people at half a minute an image, six answers left of eight.
    assert after["pacePerHour"] == 240
    assert after["estimatedEnd"] == pytest.approx(portal.now + 90)
    assert after["problem"] == ""


def test_a_pace_is_of_those_who_are_there(portal: PortalRequests) -> None:
    assert lead(portal, "GET", "/api/lead/jobs/people-1")["pacePerHour"] is None
    portal.take()
    portal.now += 10
    portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER)
    assert lead(portal, "GET", "/api/lead/jobs/people-1")["pacePerHour"] == 360
    portal.now += 901
    shown = lead(portal, "GET", "/api/lead/jobs/people-1")
    assert (shown["pacePerHour"], shown["estimatedEnd"]) == (None, None)


def test_a_job_is_paused_and_resumed(portal: PortalRequests) -> None:
    assert lead(portal, "POST", "/api/lead/jobs/people-1/pause", {})["paused"] is True
    assert portal.send("POST", "/api/jobs/people-1/tasks", {})[1]["why"] == "paused"
    assert lead(portal, "POST", "/api/lead/jobs/people-1/resume", {})["paused"] is False
    assert portal.take()
    assert [(entry["action"], entry["subject"], entry["lead"]) for entry in log(portal)] == [
        ("resume", "people-1", LEA),
        ("pause", "people-1", LEA),
    ]


def test_a_job_is_extended_finished_and_only_then_reopened(portal: PortalRequests) -> None:
    before = job_row(portal).deadline
    extended = lead(portal, "POST", "/api/lead/jobs/people-1/extend", {"hours": 2.5})
    assert extended["deadline"] == before + 2.5 * 3600
    assert portal.code("POST", "/api/lead/jobs/people-1/reopen", {}, who=LEA) == (409, "not-ended")
    assert lead(portal, "POST", "/api/lead/jobs/people-1/finish", {})["status"] == "Stopping"
    assert portal.code("POST", "/api/lead/jobs/people-1/extend", {"hours": 1}, who=LEA) == (409, "ended")
    entries = log(portal)
    assert [(entry["action"], "refused" in entry) for entry in entries] == [
        ("extend", True),
        ("finish", False),
        ("reopen", True),
        ("extend", False),
    ]
    assert entries[-1]["detail"] == {"hours": 2.5}


def test_members_are_chosen(portal: PortalRequests) -> None:
    chosen = lead(portal, "PUT", "/api/lead/jobs/people-1/members", {"everyone": False, "members": [BEA, BEA]})
    assert (chosen["everyone"], chosen["members"]) == (False, [BEA])
    assert portal.code("POST", "/api/jobs/people-1/tasks", {}, who=ADA) == (404, "not-found")
    assert portal.take(BEA)
    again = lead(portal, "PUT", "/api/lead/jobs/people-1/members", {"everyone": True, "members": []})
    assert (again["everyone"], again["members"]) == (True, [])
    assert portal.take(ADA)
    assert log(portal)[1]["detail"] == {"everyone": False, "members": [BEA]}


def test_a_worker_is_paused_in_a_job(portal: PortalRequests) -> None:
    row = lead(portal, "POST", f"/api/lead/jobs/people-1/workers/{ADA}/pause", {})
    assert (row["id"], row["name"], row["paused"]) == (ADA, "A", True)
    assert portal.send("POST", "/api/jobs/people-1/tasks", {})[1]["why"] == "you are paused"
    assert portal.take(BEA)
    row = lead(portal, "POST", f"/api/lead/jobs/people-1/workers/{ADA}/resume", {})
    assert row["paused"] is False
    assert portal.take(ADA)
    nobody = f"/api/lead/jobs/people-1/workers/p{'z' * 19}/pause"
    assert portal.code("POST", nobody, {}, who=LEA) == (404, "no-person")
    assert [entry["subject"] for entry in log(portal)] == [f"people-1/{ADA}"] * 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "jobs/people-1/extend", {}),
        ("POST", "jobs/people-1/extend", {"hours": 0}),
        ("POST", "jobs/people-1/extend", {"hours": -1}),
        ("POST", "jobs/people-1/extend", {"hours": "24"}),
        ("POST", "jobs/people-1/extend", {"hours": 1e9}),
        ("POST", "jobs/people-1/extend", {"hours": True}),
        ("POST", "jobs/people-1/pause", []),
        ("POST", "jobs/people-1/pause", None),
        ("PUT", "jobs/people-1/members", {}),
        ("PUT", "jobs/people-1/members", {"everyone": "no", "members": []}),
        ("PUT", "jobs/people-1/members", {"everyone": False, "members": "all"}),
        ("PUT", "jobs/people-1/members", {"everyone": False, "members": ["ada@example.com"]}),
        ("PUT", "jobs/people-1/members", {"everyone": False, "members": [ADA] * 5001}),
        ("POST", "people", {"email": f"{'x' * 250}@b.cd"}),
        ("POST", "people", {"email": ["a@b.cd"]}),
        ("POST", "people", {"email": "a@b.cd", "lead": "yes"}),
    ],
)
def test_bad_input_is_refused_changes_nothing_and_is_not_logged(
    portal: PortalRequests, method: str, path: str, body: Any
) -> None:
    before = job_row(portal)
    assert portal.code(method, f"/api/lead/{path}", body, who=LEA) == (400, "bad-input")
    assert job_row(portal) == before
    assert log(portal) == []
    assert portal.reports == []


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"email": "ada"},
        {"email": "ada@localhost"},
        {"email": "a@b.c\r\nBcc: d@e.f"},
        {"email": "a b@c.de"},
    ],
)
def test_no_email_address_is_refused_and_not_logged(portal: PortalRequests, body: dict[str, str]) -> None:
    assert portal.code("POST", "/api/lead/people", body, who=LEA) == (400, "bad-email")
    assert log(portal) == []


# ----------------------------------------------------------------------------------------------------- people


def test_people_are_invited_once_and_again(portal: PortalRequests, user_pool: tuple[str, Any]) -> None:
    pool, client = user_pool
    person = lead(portal, "POST", "/api/lead/people", {"email": "New@Example.com", "lead": False})
    assert (person["email"], person["lead"], person["signedIn"]) == ("new@example.com", False, None)
    [user] = client.list_users(UserPoolId=pool)["Users"]
    subject = next(attribute["Value"] for attribute in user["Attributes"] if attribute["Name"] == "sub")
    assert person["id"] == pseudonym(portal.settings.provider.issuer, subject)
    assert user["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    assert lead(portal, "POST", "/api/lead/people", {"email": "new@example.com"}) == person
    client.admin_set_user_password(
        UserPoolId=pool, Username="new@example.com", Password="Aa1-aaaa-bbbb", Permanent=True
    )
    assert lead(portal, "POST", "/api/lead/people", {"email": "new@example.com", "lead": True})["id"] == person["id"]
    groups = client.admin_list_groups_for_user(UserPoolId=pool, Username="new@example.com")["Groups"]
    assert {group["GroupName"] for group in groups} == {"labelers", "leads"}
    assert len(client.list_users(UserPoolId=pool)["Users"]) == 1
    people = {entry["id"]: entry for entry in lead(portal, "GET", "/api/lead/people")["people"]}
    assert set(people) == {ADA, BEA, LEA, OUT, person["id"]}
    assert people[LEA]["lead"] is True


def test_the_log_holds_no_address(portal: PortalRequests) -> None:
    person = lead(portal, "POST", "/api/lead/people", {"email": "new@example.com"})
    [entry] = log(portal)
    assert (entry["action"], entry["subject"]) == ("invite", person["id"])
    assert "example.com" not in json.dumps(entry)


def test_an_invited_person_can_be_made_a_member_at_once(portal: PortalRequests) -> None:
    person = lead(portal, "POST", "/api/lead/people", {"email": "new@example.com"})["id"]
    lead(portal, "PUT", "/api/lead/jobs/people-1/members", {"everyone": False, "members": [person]})
    assert portal.take(person)


def test_with_a_companys_provider_nobody_is_invited(bucket: Bucket, table: Table) -> None:
    portal = PortalRequests(bucket, table)
    refused = portal.code("POST", "/api/lead/people", {"email": "a@example.com"}, who=LEA)
    assert refused == (409, "company")


# ---------------------------------------------------------------------------------------------------- results


def test_results_are_linked_when_they_are_complete(portal: PortalRequests) -> None:
    assert lead(portal, "GET", "/api/lead/jobs/people-1/results") == {"ready": False, "files": []}
    files = {"annotations": "annotations/", "report": "report.html", "table": "table/annotations.jsonl"}
    files |= {"coco": "gone.json", "odd": "../../output/x.json"}
    put = portal.bucket.write
    put("results/people-1/report.html", b"<p>", "text/html")
    assert lead(portal, "GET", "/api/lead/jobs/people-1/results")["ready"] is False
    put("results/people-1/table/annotations.jsonl", b"{}\n", "application/x-ndjson")
    put("results/people-1/results.json", json.dumps({"files": files}).encode(), "application/json")
    answer = lead(portal, "GET", "/api/lead/jobs/people-1/results")
    assert answer["ready"] is True
    assert [(file["name"], file["size"]) for file in answer["files"]] == [
        ("report.html", 3),
        ("table/annotations.jsonl", 3),
        ("results.json", len(json.dumps({"files": files}))),
    ]
    with urllib.request.urlopen(answer["files"][0]["url"], timeout=10) as read:
        assert read.read() == b"<p>"


@pytest.mark.parametrize("marker", [b"", b"[]", b"{", b'{"files": []}', b'{"files": {"a": 1}}'])
def test_a_marker_that_is_none_links_to_nothing(portal: PortalRequests, marker: bytes) -> None:
    portal.bucket.write("results/people-1/results.json", marker, "application/json")
    assert lead(portal, "GET", "/api/lead/jobs/people-1/results")["files"] == []


# -------------------------------------------------------------------------------------------------------- log


def test_the_log_has_the_latest_first_and_outlives_the_table(portal: PortalRequests) -> None:
    log_file = LeadsLog(portal.bucket)
    for n in range(205):
        log_file.add(Entry(time=NOW + n, lead=LEA, action="pause", subject=f"job-{n}"))
    entries = log(portal)
    assert len(entries) == 200
    assert [entry["subject"] for entry in entries[:2]] == ["job-204", "job-203"]
    portal.bucket.write("portal/log/0000000000000-x.json", b"no entry", "application/json")
    assert log(portal)[0]["subject"] == "job-204"


def test_an_action_that_cannot_be_logged_is_not_done(portal: PortalRequests, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError("full")

    monkeypatch.setattr(LeadsLog, "add", full)
    assert portal.code("POST", "/api/lead/jobs/people-1/pause", {}, who=LEA) == (503, "try-again")
    assert job_row(portal).paused is False


def test_two_leads_finish_a_job_at_once(portal: PortalRequests) -> None:
    first = job_row(portal)
    assert lead(portal, "POST", "/api/lead/jobs/people-1/finish", {})["status"] == "Stopping"
    portal.put(rows.job_key("people-1"), first)  # the second one read it before
    assert lead(portal, "POST", "/api/lead/jobs/people-1/finish", {})["status"] == "Stopping"


def test_gold_is_shown_once_there_is_some(portal: PortalRequests) -> None:
    portal.put(rows.worker_key("people-1", ADA), Worker(answers=2, gold_answers=1, gold_sum=0.75))
    portal.put(rows.worker_key("people-1", BEA), Worker(answers=2))
    workers = {worker["id"]: worker for worker in lead(portal, "GET", "/api/lead/jobs/people-1")["workers"]}
    assert (workers[ADA]["goldAnswers"], workers[ADA]["goldSimilarity"]) == (1, 0.75)
    assert (workers[BEA]["goldAnswers"], workers[BEA]["goldSimilarity"]) == (0, None)


def test_only_the_portals_own_page_decides(portal: PortalRequests) -> None:
    assert portal.code("POST", "/api/lead/jobs/people-1/finish", {}, who=LEA, origin=ORIGIN + ".evil.example")[0] == 403
    assert msgspec.to_builtins(job_row(portal))["status"] == "InProgress"
