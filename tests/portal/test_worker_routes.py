"""The routes of workers against the emulator, as events of a function URL; each as everybody."""

from __future__ import annotations

import base64
import io
import json
import urllib.error
import urllib.request
import zipfile
from typing import Any

import msgspec
import pytest

import pre_annotation
from portal_jobs import NOW, PERSON, description, line, put_images, put_manifest, put_template
from portal_site import CountingTable
from truepoint.adapters import control
from truepoint.adapters.bucket import Bucket, UnavailableError
from truepoint.adapters.control import FunctionError
from truepoint.emulator.emulator import Emulator
from truepoint.pose.skeleton import parse_skeleton
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Person
from truepoint.task_queue.table import Action, BusyError
from truepoint.tasks import loading
from truepoint.web import sessions
from truepoint.web.application import respond
from truepoint.web.people import People
from truepoint.web.routes import Role, Router
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session
from truepoint.web.workers import WorkerRoutes

ORIGIN = "https://portal.example"
ADA, BEA, LEA, OUT = ("p" + letter * 19 for letter in "abcd")
FIELDS: dict[str, Any] = {"updated_annotations": "[]"}
ANSWER = {"content": FIELDS, "seconds": 12}
SKIP = {"reason": "unusable", "note": "dark"}


def prepare(_arn: str, event: Any) -> Any:
    return pre_annotation.handler(json.loads(json.dumps(event)), None)


class Portal:
    """The portal in this process: Ada and Bea label, Lea leads, and nobody invited the fourth to the closed job."""

    def __init__(self, bucket: Bucket, table: CountingTable, invoke: Any = prepare) -> None:
        self.now = NOW
        self.table, self.bucket = table, bucket
        self.keys = KeyStore(table)
        self.cookies = Cookies(secure=True)
        self.reports: list[str] = []
        self.routes = WorkerRoutes(bucket, table, invoke, lambda: self.now).routes()
        people = People(table, self.keys, self.cookies, lambda: self.now)
        self.router = Router(self.routes, ORIGIN, people.identify)
        for who in (ADA, BEA, LEA, OUT):
            self.put(rows.person_key(who), Person(name=who[1].upper(), lead=who == LEA))

    def put(self, key: rows.Key, row: Any) -> None:
        self.table.write(Action(*key, put=msgspec.to_builtins(row)))

    def change(self, name: str, **fields: Any) -> None:
        key = rows.job_key(name)
        job: Job = rows.read(self.table.get([key])[key], Job)
        self.put(key, msgspec.structs.replace(job, **fields))

    def cookie(self, who: str, expires: float = NOW + 3600) -> str:
        value = sessions.seal(self.keys.keys(self.now), SESSION, Session(who, int(expires)))
        return f"{self.cookies.name(SESSION)}={value}"

    def send(
        self, method: str, path: str, body: Any = None, who: str | None = ADA, cookie: str = "", **headers: str
    ) -> tuple[int, Any]:
        event = {
            "rawPath": path,
            "requestContext": {"http": {"method": method}},
            "headers": {"origin": ORIGIN, "content-type": "application/json"} | headers,
            "cookies": [cookie or self.cookie(who)] if cookie or who else [],
            "body": None if body is None else json.dumps(body),
        }
        made = respond(self.router, event, lambda said, error: self.reports.append(f"{said}: {error!r}"))
        return made["statusCode"], json.loads(made["body"])

    def code(self, *arguments: Any, **options: Any) -> tuple[int, str]:
        status, body = self.send(*arguments, **options)
        return status, body["error"]["code"]

    def take(self, who: str = ADA, job: str = "people-1") -> list[dict[str, Any]]:
        status, body = self.send("POST", f"/api/jobs/{job}/tasks", {}, who)
        assert status == 200, body
        return list(body["tasks"])


@pytest.fixture
def portal(bucket: Bucket, table: CountingTable) -> Portal:
    put_images(bucket, 4)
    put_template(bucket)
    bucket.write("jobs/people-1/gold.json", b'{"1.jpg":[]}', "application/json")
    loading.load(bucket, table, description(bucket.name))
    return Portal(bucket, table)


def read(link: str) -> bytes:
    with urllib.request.urlopen(link, timeout=10) as answer:
        return bytes(answer.read())


def test_a_worker_labels_an_image(portal: Portal) -> None:
    status, body = portal.send("GET", "/api/me")
    assert (status, body["person"]) == (200, {"id": ADA, "name": "A", "lead": False})
    (card,) = body["jobs"]
    assert (card["name"], card["images"], card["workersPerImage"]) == ("People-1", 4, 2)
    first, second = portal.take()
    assert (first["line"], second["line"]) == (0, 1)
    assert first["input"]["image_name"] == "0.jpg"
    assert first["input"]["worker"] == ADA
    assert first["input"]["labeling_job"] == "people-1"
    assert (first["smallImage"], first["prelabels"]) == (None, None)
    assert (read(first["image"]), read(second["image"])) == (b"image 0", b"image 1")
    assert portal.send("POST", "/api/jobs/People-1/answers/0", ANSWER) == (200, {"verdict": "accepted"})
    assert portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER) == (200, {"verdict": "repeated"})
    _, body = portal.send("POST", "/api/jobs/people-1/tasks", {})
    assert [task["line"] for task in body["tasks"]] == [1, 2]
    assert body["mine"] == {"answers": 1, "seconds": 0, "skips": 0}  # no more than since the task was handed out
    assert portal.send("GET", "/api/me")[1]["jobs"][0]["mine"]["answers"] == 1
    assert portal.reports == []


def test_a_jobs_page_is_the_one_of_its_worker_template(portal: Portal) -> None:
    status, body = portal.send("GET", "/api/jobs/People-1")
    assert status == 200
    assert body["attributes"] == parse_skeleton(PERSON.read_text()).element_attributes()
    assert (body["title"], body["language"], body["instructions"]) == ("Label people", "en", "<p>Mark everybody.</p>")


@pytest.mark.parametrize("text", [b"", b"<crowd-form></crowd-form>", b"\xff"])
def test_a_job_without_a_page_says_so(portal: Portal, text: bytes) -> None:
    portal.bucket.write("jobs/people-1/template.liquid.html", text, "text/html")
    assert portal.code("GET", "/api/jobs/people-1") == (503, "try-again")
    assert portal.reports == []


def test_an_answer_can_be_corrected_until_the_image_has_its_label(portal: Portal) -> None:
    portal.take()
    portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER)
    assert portal.send("GET", "/api/jobs/people-1/answers")[1] == {
        "answers": [{"line": 0, "time": NOW, "canCorrect": True}]
    }
    status, body = portal.send("GET", "/api/jobs/people-1/answers/0")
    assert (status, body["content"], read(body["task"]["image"])) == (200, FIELDS, b"image 0")
    better = {"content": {"updated_annotations": "[1]"}, "seconds": 3}
    assert portal.send("PUT", "/api/jobs/people-1/answers/0", better) == (200, {"verdict": "accepted"})
    assert portal.send("GET", "/api/jobs/people-1/answers/0")[1]["content"] == better["content"]
    assert portal.code("PUT", "/api/jobs/people-1/answers/0", ANSWER | {"since": NOW - 1}) == (409, "changed")
    assert portal.code("PUT", "/api/jobs/people-1/answers/0", ANSWER | {"since": "now"}) == (400, "bad-input")
    key = rows.image_key("people-1", 0)
    image: rows.Image = rows.read(portal.table.get([key])[key], rows.Image)
    portal.put(key, msgspec.structs.replace(image, label="response.json"))
    assert portal.code("PUT", "/api/jobs/people-1/answers/0", ANSWER) == (409, "too-late")
    assert portal.code("GET", "/api/jobs/people-1/answers/0") == (409, "too-late")
    assert portal.send("GET", "/api/jobs/people-1/answers")[1]["answers"][0]["canCorrect"] is False


def test_a_worker_skips_an_image_but_no_gold(portal: Portal) -> None:
    portal.take()
    assert portal.send("POST", "/api/jobs/people-1/skips/0", SKIP) == (200, {"verdict": "accepted"})
    assert portal.code("POST", "/api/jobs/people-1/skips/1", SKIP) == (409, "gold")
    assert [task["line"] for task in portal.take()] == [1, 2]


def test_a_job_whose_last_images_all_skip_offers_no_work_and_ends_with_the_number_of_its_labels(
    portal: Portal,
) -> None:
    def card() -> dict[str, Any]:
        return dict(portal.send("GET", "/api/me")[1]["jobs"][0])

    assert (card()["hasWork"], card()["ended"], card()["images"]) == (True, False, 4)
    for who in (ADA, BEA, LEA, OUT):
        while tasks := portal.take(who):
            assert card()["hasWork"]
            for task in tasks:
                if portal.send("POST", f"/api/jobs/people-1/skips/{task['line']}", SKIP, who=who)[0] == 409:
                    answers = f"/api/jobs/people-1/answers/{task['line']}"
                    assert portal.send("POST", answers, ANSWER, who=who)[0] == 200
    assert (card()["hasWork"], card()["ended"]) == (False, False)
    portal.change("people-1", status="Completed", total_labelled=3)
    assert (card()["hasWork"], card()["ended"], card()["complete"]) == (False, True, 3)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("answers/0", {}),
        ("answers/0", {"content": {}, "seconds": 1}),
        ("answers/0", {"content": "text", "seconds": 1}),
        ("answers/0", {"content": FIELDS}),
        ("answers/0", {"content": FIELDS, "seconds": -1}),
        ("answers/0", {"content": FIELDS, "seconds": "1"}),
        ("skips/0", {}),
        ("skips/0", {"reason": "boredom"}),
        ("skips/0", {"reason": ["other"]}),
        ("skips/0", {"reason": "other", "note": "x" * 501}),
        ("skips/0", {"reason": "other", "note": "\ud800"}),
        ("skips/0", []),
    ],
)
def test_bad_input_is_refused_and_changes_nothing(portal: Portal, path: str, body: Any) -> None:
    portal.take()
    assert portal.code("POST", f"/api/jobs/people-1/{path}", body) == (400, "bad-input")
    assert [task["line"] for task in portal.take()] == [0, 1]
    assert portal.reports == []


def path_of(route: Any, job: str = "people-1") -> str:
    return str(route.path.format(job=job, line=0))


def body_of(route: Any) -> Any:
    return SKIP if "skips" in route.path else ANSWER


def each_route(portal: Portal, of_jobs: bool = False) -> list[Any]:
    return [route for route in portal.routes if "{job}" in route.path or not of_jobs]


def test_every_route_refuses_who_is_not_signed_in(portal: Portal) -> None:
    portal.take()
    forged = portal.cookie(ADA).replace(ADA[:4], "pzzz")[:-4] + "AAAA"
    foreign = sessions.seal([sessions.SigningKey("x", "A" * 43, NOW)], SESSION, Session(ADA, int(NOW) + 60))
    another = portal.cookie(ADA).replace("session=", "sign-in=")
    nobody = portal.cookie("p" + "e" * 19)
    expired = portal.cookie(ADA, NOW)
    assert len(portal.routes) == 8
    for route in each_route(portal):
        assert route.role is Role.WORKER
        for cookie in (forged, f"{portal.cookies.name(SESSION)}={foreign}", another, nobody, expired, "x=1"):
            refused = portal.code(route.method, path_of(route), body_of(route), cookie=cookie)
            assert refused == (401, "signed-out"), (route.path, cookie)
        assert portal.code(route.method, path_of(route), body_of(route), who=None) == (401, "signed-out")


def test_every_route_of_a_job_refuses_who_is_no_member_even_a_lead(portal: Portal) -> None:
    portal.take(OUT)
    portal.change("people-1", everyone=False)
    for who in (OUT, LEA):
        for route in each_route(portal, of_jobs=True):
            assert portal.code(route.method, path_of(route), body_of(route), who=who) == (404, "not-found")
        assert portal.send("GET", "/api/me", who=who)[1]["jobs"] == []
    key = rows.worker_key("people-1", LEA)
    portal.put(key, rows.Worker(member=True))
    assert len(portal.take(LEA)) == 2
    assert [card["name"] for card in portal.send("GET", "/api/me", who=LEA)[1]["jobs"]] == ["People-1"]


def test_every_route_of_a_job_says_the_same_of_jobs_that_do_not_exist(portal: Portal) -> None:
    for route in each_route(portal, of_jobs=True):
        assert portal.code(route.method, path_of(route, "other"), body_of(route)) == (404, "not-found")


def test_every_write_refuses_foreign_origins(portal: Portal) -> None:
    portal.take()
    writes = [route for route in portal.routes if route.method != "GET"]
    assert len(writes) == 4
    for route in writes:
        for origin in ("https://evil.example", "null", ""):
            assert portal.code(route.method, path_of(route), body_of(route), origin=origin) == (403, "other-site")
    assert list(portal.bucket.keys("output/People-1", "")) == []


def test_workers_cannot_see_or_answer_images_of_others(portal: Portal) -> None:
    portal.take()
    portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER)
    assert portal.code("GET", "/api/jobs/people-1/answers/0", who=BEA) == (404, "not-found")
    assert portal.code("GET", "/api/jobs/people-1/answers/1", who=BEA) == (404, "not-found")
    assert portal.code("PUT", "/api/jobs/people-1/answers/0", ANSWER, who=BEA) == (409, "too-late")
    assert portal.code("POST", "/api/jobs/people-1/answers/3", ANSWER, who=BEA) == (409, "too-late")
    assert portal.code("POST", "/api/jobs/people-1/skips/0", SKIP, who=BEA) == (409, "too-late")
    assert portal.send("GET", "/api/jobs/people-1/answers", who=BEA)[1] == {"answers": []}


def test_work_is_never_submitted_as_somebody_elses(portal: Portal) -> None:
    """Both hold the same image; a page with Ada's work sends it after Bea has signed in in another window."""
    portal.take(ADA)
    portal.take(BEA)
    for method, path, body in (("POST", "answers/0", ANSWER), ("PUT", "answers/0", ANSWER), ("POST", "skips/0", SKIP)):
        refused = portal.code(method, f"/api/jobs/people-1/{path}", body | {"person": ADA}, who=BEA)
        assert refused == (409, "other-person")
    assert portal.send("GET", "/api/me", who=BEA)[1]["jobs"][0]["mine"]["answers"] == 0
    mine = ANSWER | {"person": BEA}
    assert portal.send("POST", "/api/jobs/people-1/answers/0", mine, who=BEA) == (200, {"verdict": "accepted"})


def test_an_image_link_is_for_one_object_only(portal: Portal) -> None:
    first, second = portal.take()
    path, query = first["image"].split("?")
    for link in (path, f"{second['image'].split('?')[0]}?{query}"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            read(link)
        with refused.value as answer:
            assert answer.code == 403


@pytest.mark.parametrize(
    ("change", "why", "code"),
    [
        ({"paused": True}, "paused", "closed"),
        ({"status": "Completed"}, "ended", "closed"),
    ],
)
def test_a_job_that_is_not_open_says_why(portal: Portal, change: dict[str, Any], why: str, code: str) -> None:
    portal.take()
    portal.change("people-1", **change)
    _, body = portal.send("POST", "/api/jobs/people-1/tasks", {})
    assert (body["tasks"], body["why"]) == ([], why)
    assert portal.code("POST", "/api/jobs/people-1/answers/0", ANSWER) == (409, code)


def test_links_follow_the_task_input(bucket: Bucket, table: CountingTable) -> None:
    copy = f"s3://{bucket.name}/jobs/people-1/copies/a b+ü.jpg"
    reference = f"s3://{bucket.name}/jobs/people-1/prelabels/0.json"
    more = {"image_copy_ref": copy, "image_width": 9, "image_height": 9, "annotations_ref": reference}
    put_manifest(bucket, line(bucket.name, "0.jpg", **more))
    bucket.write("jobs/people-1/copies/a b+ü.jpg", b"small", "image/jpeg")
    bucket.write("jobs/people-1/prelabels/0.json", b"[]", "application/json")
    loading.load(bucket, table, description(bucket.name))
    (task,) = Portal(bucket, table).take()
    assert (read(task["smallImage"]), read(task["prelabels"])) == (b"small", b"[]")


def raising(error: Exception) -> Any:
    def invoke(_arn: str, _event: Any) -> Any:
        raise error

    return invoke


@pytest.mark.parametrize(
    "invoke",
    [
        raising(FunctionError("failed")),
        lambda _arn, _event: None,
        lambda _arn, _event: {"taskInput": []},
        lambda _arn, _event: {"taskInput": {"image_s3_uri": None}},
    ],
)
def test_a_function_that_fails_or_returns_nonsense_can_be_tried_again(portal: Portal, invoke: Any) -> None:
    broken = Portal(portal.bucket, portal.table, invoke)
    assert broken.code("POST", "/api/jobs/people-1/tasks", {}) == (503, "try-again")
    assert [task["line"] for task in portal.take()] == [0, 1]


def test_a_line_that_cannot_be_prepared_does_not_keep_a_worker_from_the_other(portal: Portal) -> None:
    def invoke(arn: str, event: Any) -> Any:
        return None if event["dataObject"]["source-ref"].endswith("/0.jpg") else prepare(arn, event)

    assert [task["line"] for task in Portal(portal.bucket, portal.table, invoke).take()] == [1]


@pytest.mark.parametrize(
    ("error", "expected", "reports"),
    [
        (BusyError("x"), (429, "busy"), 0),
        (UnavailableError("x"), (503, "try-again"), 1),
        (RuntimeError("x"), (503, "try-again"), 1),
    ],
)
def test_failures_are_answered_and_reported(
    portal: Portal, error: Exception, expected: tuple[int, str], reports: int
) -> None:
    broken = Portal(portal.bucket, portal.table, raising(error))
    assert broken.code("POST", "/api/jobs/people-1/tasks", {}) == expected
    assert len(broken.reports) == reports


def test_an_invalid_event_gets_a_response(portal: Portal) -> None:
    made = respond(portal.router, None, lambda *_: None)
    assert made["statusCode"] == 400


def test_an_answer_and_the_next_tasks_make_few_calls_of_the_table(portal: Portal) -> None:
    portal.take()
    before = portal.table.calls
    portal.send("POST", "/api/jobs/people-1/answers/0", ANSWER)
    portal.take()
    assert portal.table.calls - before <= 8


CODE = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("secret")
    return {"seen": event}
"""


def test_functions_are_invoked_and_their_failures_are_reported(account: Emulator) -> None:
    control._invoker.cache_clear()
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = account.session().client("iam", endpoint_url=account.endpoint).create_role(
        RoleName="echo", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]  # fmt: skip
    client = account.session().client("lambda", endpoint_url=account.endpoint)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("echo.py", CODE)
    made = client.create_function(
        FunctionName="echo", Runtime="python3.12", Handler="echo.handler", Code={"ZipFile": packed.getvalue()},
        Role=role,
    )  # fmt: skip
    assert control.invoke(made["FunctionArn"], {"a": "é"}) == {"seen": {"a": "é"}}
    with pytest.raises(FunctionError) as failed:
        control.invoke(made["FunctionArn"], {"fail": True})
    assert "secret" not in str(failed.value)
    with pytest.raises(FunctionError, match="ResourceNotFoundException"):
        control.invoke(made["FunctionArn"] + "-missing", {})


def test_the_events_bytes_may_be_in_base64(portal: Portal) -> None:
    portal.take()
    event = {
        "rawPath": "/api/jobs/people-1/answers/0",
        "requestContext": {"http": {"method": "POST"}},
        "headers": {"origin": ORIGIN, "content-type": "application/json", "cookie": portal.cookie(ADA)},
        "body": base64.b64encode(json.dumps(ANSWER).encode()).decode(),
        "isBase64Encoded": True,
    }
    assert respond(portal.router, event, lambda *_: None)["statusCode"] == 200
