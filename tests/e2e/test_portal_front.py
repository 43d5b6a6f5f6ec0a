"""The deployed portal behind the local front, with IAM enforced: sign-in by Cognito, a job, and every right in turn."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import boto3
import pytest
import urllib3
from deployment import deployed_emulator, label_soon
from front import USERS, Browser, Choice, Stand, served
from loop import PROJECT, SKELETON, draw, face

from portal_jobs import description, put_images
from truepoint.adapters.bucket import Bucket
from truepoint.demo.deployed_portal import PARAMETERS, Ticks
from truepoint.demo.local_front import FIRST_PAGE
from truepoint.emulator.emulator import free_port
from truepoint.emulator.local_stack import function_log
from truepoint.jobs.images import images_in_folder
from truepoint.jobs.launch import create_outside_ground_truth, prepare_job
from truepoint.jobs.request import JobSettings
from truepoint.pose.skeleton import parse_skeleton
from truepoint.task_queue.table import Table
from truepoint.tasks import loading
from truepoint.web.identity import pseudonym

LEA, ADA, BEN = (user.email for user in USERS)
ANSWER = {"content": {"updated_annotations": "[]"}, "seconds": 3}
SKIP = {"reason": "unusable", "note": "dark"}


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    port = free_port()
    with deployed_emulator(tmp_path_factory, PARAMETERS, frozenset({f"http://127.0.0.1:{port}"})) as emulator:
        label_soon(emulator)
        running = Stand(emulator, port)
        with served(running.front.application, port):
            yield running


@pytest.fixture
def account(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the account's root: it does what the function that loads jobs does."""
    for name, value in stand.emulator.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.fixture(scope="module")
def ada(stand: Stand) -> Browser:
    browser = Browser(stand)
    browser.sign_in(ADA)
    return browser


@pytest.fixture
def new_job(stand: Stand, account: None) -> Callable[[str], str]:
    def make(name: str) -> str:
        store = Bucket(stand.stack.bucket)
        put_images(store, 6, name)
        store.write(f"jobs/{name}/gold.json", b'{"5.jpg":[]}', "application/json")
        document = description(stand.stack.bucket, name)
        document["HumanTaskConfig"]["PreHumanTaskLambdaArn"] = stand.stack.pre_annotation_arn
        document["CreationTime"] = "2026-11-29T00:00:00.000+00:00"
        store.write(f"jobs/{name}/labeling_job.json", json.dumps(document).encode(), "application/json")
        store.write(f"results/{name}/report.html", b"<p>", "text/html")
        store.write(f"results/{name}/results.json", b'{"files": {"report": "report.html"}}', "application/json")
        loading.load(store, Table(stand.outputs["PortalTableName"]), document)
        return name

    return make


def test_what_people_type_leads_to_the_page(stand: Stand) -> None:
    for path in ("/", "/portal", "/portal/"):
        status, headers, _ = stand.send("GET", path)
        assert (status, headers["location"]) == (302, "/portal/index.html")


def test_the_demos_address_leads_to_the_page_with_the_users_until_somebody_is_signed_in(
    stand: Stand, ada: Browser
) -> None:
    stranger = Browser(stand)
    status, headers, _ = stranger.send("GET", FIRST_PAGE)
    assert (status, headers["location"]) == (302, "/api/sign-in")
    _, headers, _ = stranger.send("GET", headers["location"])
    _, _, page = stranger.send("GET", stranger.local(headers["location"]))
    assert {LEA, ADA, BEN} <= set(Choice(page.decode()).users)
    status, headers, _ = ada.send("GET", FIRST_PAGE)
    assert (status, headers["location"]) == (302, "/portal/index.html")


def test_the_function_answers_nobody_without_a_session(stand: Stand) -> None:
    status, headers, text = stand.send("GET", "/api/me")
    assert (status, json.loads(text)["error"]["code"]) == (401, "signed-out"), stand.log()
    assert headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]


def test_people_sign_in_by_one_click_and_out(stand: Stand) -> None:
    browser = Browser(stand)
    browser.sign_in(LEA)
    status, me = browser.json("GET", "/api/me")
    assert (status, me["person"]["name"], me["person"]["lead"]) == (200, "Lea (lead)", True)
    assert list(browser.cookies) == ["truepoint-session"]  # on http without the prefix
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in browser.seen)
    status, answer = browser.json("POST", "/api/sign-out")
    assert status == 200
    assert browser.cookies == {}
    status, headers, _ = browser.send("GET", browser.local(answer["location"]))
    assert (status, browser.local(headers["location"])) == (302, "/portal/index.html")
    assert browser.json("GET", "/api/me")[0] == 401


def test_cognitos_own_form_takes_a_password_to_which_no_page_leads(stand: Stand) -> None:
    password = "Correct-horse-1"
    stand.client("cognito-idp").admin_set_user_password(
        UserPoolId=stand.portal.user_pool, Username=BEN, Password=password, Permanent=True
    )
    browser = Browser(stand)
    path = browser.begin()
    status, _, page = browser.send("GET", path)
    assert status == 200
    assert b"password" not in page, "nobody in the demo has one"
    query = {name: value for name, (value,) in parse_qs(urlsplit(path).query).items()}
    wrong = urlencode(query | {"username": BEN, "password": "wrong"}).encode()
    assert browser.send("POST", "/login", wrong, **{"content-type": "application/x-www-form-urlencoded"})[0] == 200
    browser.finish("/login", urlencode(query | {"username": BEN, "password": password}).encode())
    assert browser.json("GET", "/api/me")[1]["person"]["name"] == "Ben"
    [user] = stand.client("cognito-idp").list_users(UserPoolId=stand.portal.user_pool, Filter=f'email = "{BEN}"')[
        "Users"
    ]
    subject = next(attribute["Value"] for attribute in user["Attributes"] if attribute["Name"] == "sub")
    issuer = f"https://cognito-idp.us-east-1.amazonaws.com/{stand.portal.user_pool}"
    assert browser.json("GET", "/api/me")[1]["person"]["id"] == pseudonym(issuer, subject)


@pytest.mark.parametrize(
    ("path", "origin"),
    [
        ("/demo/sign-in", "https://evil.example"),
        ("/demo/sign-in", "null"),
        ("/login", "https://evil.example"),
        ("/oauth2/token", "https://evil.example"),
        ("/api/sign-out", "https://evil.example"),
    ],
)
def test_pages_of_other_sites_reach_nothing(stand: Stand, path: str, origin: str) -> None:
    body = b"user=ada"
    status, _, _ = stand.send(
        "POST", path, body, origin=origin, x_amz_content_sha256=hashlib.sha256(body).hexdigest(),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert status == 403
    assert stand.send("GET", "/api/me", host="evil.example")[0] == 421


def test_one_click_is_for_users_of_the_pool_and_this_client_only(stand: Stand) -> None:
    for form in (
        {"query": "client_id=x", "user": ADA},
        {"query": f"client_id={stand.portal.client_id}", "user": "x"},
        {},
    ):
        body = urlencode(form).encode()
        headers = {"origin": stand.origin, "content-type": "application/x-www-form-urlencoded"}
        assert stand.send("POST", "/demo/sign-in", body, **headers)[0] == 400


def test_the_function_itself_has_no_such_route(stand: Stand, ada: Browser) -> None:
    """The deployed product knows sessions and Cognito's codes, nothing else."""
    assert ada.json("POST", "/api/demo/sign-in", {})[0] == 404
    assert Browser(stand).send("GET", "/api/signed-in?code=x&state=y")[1]["location"].endswith("?signed-in=no")


@pytest.mark.parametrize("claimed", [None, "", "0" * 64, hashlib.sha256(b"").hexdigest()])
def test_a_body_without_its_hash_is_refused_as_cloudfront_does(ada: Browser, claimed: str | None) -> None:
    headers = {} if claimed is None else {"x-amz-content-sha256": claimed}
    body = b'{"x": 1}'
    cookie = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    status, _, _ = ada.stand.send("POST", "/api/jobs/x/tasks", body, origin=ada.stand.origin, cookie=cookie, **headers)
    assert status == 403


def test_nobody_reaches_the_function_past_the_front(stand: Stand) -> None:
    url = f"{stand.emulator.endpoint}/_aws/lambda-url/{stand.portal.function_url_id}/api/me"
    assert urllib3.request("GET", url, retries=False).status == 403


def test_a_team_labels_a_job_from_its_creation_to_its_results(stand: Stand, tmp_path: Path) -> None:
    """Two people label each image; one of them corrects an answer; the lead opens the results."""
    for number in range(3):
        draw(tmp_path / f"{number}.png", ((100, 100),))
    template = (PROJECT / "src/ui/worker-task.liquid.html").read_text()
    settings, skeleton = JobSettings(name="of-a-team", workers_per_object=2), parse_skeleton(json.dumps(SKELETON))
    images = images_in_folder(tmp_path).images
    prepared = prepare_job(settings, stand.stack, skeleton, images, template_source=template, prelabels={})
    create_outside_ground_truth(prepared, stand.client("s3"), stand.stack, datetime.now(UTC), lambda _: None)
    ticks, lead = Ticks(stand.emulator, stand.stack.portal_tick_arn), Browser(stand)
    ticks.once()
    lead.sign_in(LEA)
    assert lead.json("GET", "/api/lead/jobs/of-a-team")[1]["images"] == 3
    for email, shift in ((ADA, 0), (BEN, 0.02)):
        worker = Browser(stand)
        worker.sign_in(email)
        while tasks := worker.json("POST", "/api/jobs/of-a-team/tasks", {})[1]["tasks"]:
            line = tasks[0]["line"]
            answer = {"content": {"updated_annotations": json.dumps([face(100 + shift, 100)])}, "seconds": 2}
            assert worker.json("POST", f"/api/jobs/of-a-team/answers/{line}", answer) == (200, {"verdict": "accepted"})
    assert lead.json("GET", "/api/lead/jobs/of-a-team")[1]["answers"] == 6
    deadline = time.monotonic() + 300
    while not lead.json("GET", "/api/lead/jobs/of-a-team/results")[1]["ready"]:
        assert time.monotonic() < deadline, function_log(stand.emulator, ticks.function)
        ticks.once()
        time.sleep(2)
    files = {file["name"]: file["url"] for file in lead.json("GET", "/api/lead/jobs/of-a-team/results")[1]["files"]}
    marker = json.loads(urllib3.request("GET", files["results.json"], retries=False).data)
    assert (marker["lines"], marker["written"], marker["rejected"]) == (3, 3, 0)
    assert marker["labeling_job_status"] == lead.json("GET", "/api/lead/jobs/of-a-team")[1]["status"]
    coco = json.loads(urllib3.request("GET", files["coco.json"], retries=False).data)
    assert len(coco["annotations"]) == 3
    x, y, visibility = coco["annotations"][0]["keypoints"][:3]
    assert (round(x, 3), round(y, 3), visibility) == (100.133, 100.333, 2)  # half way between the two


def label(browser: Browser, job: str) -> dict[str, Any]:
    """Take two tasks; the first one's answer is given and corrected, the second one is skipped."""
    status, taken = browser.json("POST", f"/api/jobs/{job}/tasks", {})
    assert status == 200, (taken, browser.stand.log())
    first, second = taken["tasks"]
    image = urllib3.request("GET", first["image"], retries=False)
    assert (image.status, image.data) == (200, b"image %d" % first["line"])
    path = f"/api/jobs/{job}/answers/{first['line']}"
    assert browser.json("POST", path, ANSWER) == (200, {"verdict": "accepted"})
    better = {"content": {"updated_annotations": "[1]"}, "seconds": 1}
    assert browser.json("PUT", path, better) == (200, {"verdict": "accepted"})
    assert browser.json("GET", path)[1]["content"] == better["content"]
    assert browser.json("POST", f"/api/jobs/{job}/skips/{second['line']}", SKIP) == (200, {"verdict": "accepted"})
    return dict(browser.json("POST", f"/api/jobs/{job}/tasks", {})[1]["mine"])


def test_a_worker_labels_with_the_deployed_function_and_its_own_rights(
    ada: Browser, new_job: Callable[[str], str]
) -> None:
    assert label(ada, new_job("first")) == {"answers": 1, "seconds": pytest.approx(0, abs=3), "skips": 1}
    [card] = [job for job in ada.json("GET", "/api/me")[1]["jobs"] if job["name"] == "first"]
    assert card["mine"]["answers"] == 1


@contextmanager
def without(stand: Stand, sid: str) -> Iterator[None]:
    """The portal's role without one statement."""
    iam = stand.client("iam")
    role = stand.client("cloudformation").describe_stack_resource(StackName="truepoint", LogicalResourceId="PortalRole")
    name = role["StackResourceDetail"]["PhysicalResourceId"]
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        kept = [statement for statement in document["Statement"] if statement["Sid"] != sid]
        if len(kept) < len(document["Statement"]):
            break
    else:
        raise AssertionError(f"expected a statement {sid} of the portal's role, got none")
    if kept:
        less = json.dumps(document | {"Statement": kept})
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=less)
    else:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))


def answered(browser: Browser, job: str) -> int:
    status, taken = browser.json("POST", f"/api/jobs/{job}/tasks", {})
    assert status == 200
    return browser.json("POST", f"/api/jobs/{job}/answers/{taken['tasks'][0]['line']}", ANSWER)[0]


def skipped(browser: Browser, job: str) -> int:
    status, taken = browser.json("POST", f"/api/jobs/{job}/tasks", {})
    assert status == 200
    return browser.json("POST", f"/api/jobs/{job}/skips/{taken['tasks'][0]['line']}", SKIP)[0]


def as_lead(method: str, path: str, body: Any = None) -> Callable[[Browser, str], int]:
    """A request of a lead."""

    def send(browser: Browser, job: str) -> int:
        lead = Browser(browser.stand)
        lead.sign_in(LEA)
        return lead.json(method, path.format(job=job), body)[0]

    return send


def results(browser: Browser, job: str) -> int:
    """Read a result by the link that a lead gets."""
    lead = Browser(browser.stand)
    lead.sign_in(LEA)
    status, answer = lead.json("GET", f"/api/lead/jobs/{job}/results")
    if status != 200:
        return status
    links = {file["name"]: file["url"] for file in answer["files"]}
    return urllib3.request("GET", links["report.html"], retries=False).status


NEEDS: dict[str, Callable[[Browser, str], int]] = {
    "KeepTheQueue": lambda browser, _job: browser.json("GET", "/api/me")[0],
    "MakeTaskInputs": lambda browser, job: browser.json("POST", f"/api/jobs/{job}/tasks", {})[0],
    "ReadJobs": lambda browser, job: browser.json("POST", f"/api/jobs/{job}/tasks", {})[0],
    "KeepAnswers": answered,
    "KeepDecisions": skipped,
    "KeepLeadsLog": as_lead("POST", "/api/lead/jobs/{job}/pause", {}),
    "SeeWhatIsThere": as_lead("GET", "/api/lead/jobs/{job}/results"),
    "ShowResults": results,
    "InvitePeople": as_lead("POST", "/api/lead/people", {"email": "new@example.com"}),
}
"""What fails without a statement, by a request's status."""


@pytest.mark.parametrize("sid", NEEDS)
def test_each_right_is_needed(ada: Browser, new_job: Callable[[str], str], sid: str) -> None:
    job = new_job(f"without-{sid.lower()}")
    with without(ada.stand, sid):
        assert NEEDS[sid](ada, job) in (403, 503)
    assert NEEDS[sid](ada, job) == 200, ada.stand.log()
