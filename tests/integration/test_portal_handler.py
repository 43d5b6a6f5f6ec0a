"""The portal's function with every file of events/portal: who asks without a session, and what is broken."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import msgspec
import pytest

import portal
from sam_local import PORTAL, put_portal
from sample_events import event, names
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Person
from truepoint.task_queue.table import Action, Table
from truepoint.web import sessions
from truepoint.web.application import SETTINGS_SECONDS, Application
from truepoint.web.routes import Router
from truepoint.web.sessions import SESSION, KeyStore, Session
from truepoint.web.settings import PortalSettings, SettingsError, parse_settings

ADA = "p" + "a" * 19
EXPECTED = {
    "sign_in.json": 302,
    "me.json": 401,
    "take_tasks.json": 401,
    "submit_answer.json": 401,
}
SETTINGS = {
    "origin": "https://portal.example",
    "user_pool": "us-east-1_Example",
    "provider": {
        "issuer": "i",
        "client_id": "c",
        "authorize_url": "a",
        "token_url": "t",
        "keys_url": "k",
        "logout_url": "l",
    },
}
SIGNED_IN = {"sign_in.json": 302, "me.json": 200, "take_tasks.json": 404, "submit_answer.json": 404}


@pytest.fixture
def table(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    client = boto3.client("dynamodb")
    put_portal(client, boto3.client("ssm"))
    for name, value in PORTAL.items():
        monkeypatch.setenv(name, value)
    portal._application.cache_clear()
    yield Table(PORTAL["PORTAL_TABLE"])
    portal._application.cache_clear()
    client.delete_table(TableName=PORTAL["PORTAL_TABLE"])


def signed_in(table: Table, given: dict[str, Any]) -> dict[str, Any]:
    """The event with a session of Ada's in place of its own, which is of nobody."""
    sealed = sessions.seal(KeyStore(table).keys(time.time()), SESSION, Session(ADA, int(time.time()) + 60))
    table.write(Action(*rows.person_key(ADA), put=msgspec.to_builtins(Person(name="Ada"))))
    return given | {"cookies": [cookie.replace("=example", f"={sealed}") for cookie in given["cookies"]]}


def test_every_event_is_tested() -> None:
    assert set(names("portal")) == set(EXPECTED) == set(SIGNED_IN)


@pytest.mark.parametrize("name", names("portal"))
def test_an_event_without_a_session(table: Table, context: Any, name: str) -> None:
    made = portal.handler(event(f"portal/{name}"), context)
    assert made["statusCode"] == EXPECTED[name], made["body"]
    json.dumps(made)
    assert made["headers"]["cache-control"] == "no-store"
    if made["statusCode"] == 302:
        query = parse_qs(urlsplit(made["headers"]["location"]).query)
        assert query["redirect_uri"] == ["https://d111111abcdef8.cloudfront.net/api/signed-in"]
        assert [cookie.partition("=")[0][:26] for cookie in made["cookies"]] == [
            "__Host-truepoint-sign-in-" + query["state"][0][0]
        ]


@pytest.mark.parametrize("name", names("portal"))
def test_an_event_with_a_session(table: Table, context: Any, name: str) -> None:
    made = portal.handler(signed_in(table, event(f"portal/{name}")), context)
    assert made["statusCode"] == SIGNED_IN[name], made["body"]
    if name == "me.json":
        assert json.loads(made["body"])["person"] == {"id": ADA, "name": "Ada", "lead": False}


@pytest.mark.parametrize("name", names("portal"))
def test_cookies_may_be_in_a_header(table: Table, context: Any, name: str) -> None:
    given = signed_in(table, event(f"portal/{name}"))
    header = "; ".join(given.pop("cookies"))
    made = portal.handler(given | {"headers": given["headers"] | {"cookie": header}}, context)
    assert made["statusCode"] == SIGNED_IN[name], made["body"]


@pytest.mark.parametrize("hostile", [None, [], "text", 7, {}, {"requestContext": None}, {"rawPath": 1, "headers": []}])
def test_the_handler_never_raises(table: Table, context: Any, hostile: Any) -> None:
    assert portal.handler(hostile, context)["statusCode"] == 400


@pytest.mark.parametrize("broken", ["no parameter", "{", "{}", json.dumps(SETTINGS | {"origin": "https://x/y"})])
def test_settings_that_cannot_be_used_are_told(
    table: Table,
    context: Any,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    broken: str,
) -> None:
    ssm = boto3.client("ssm")
    if broken == "no parameter":
        ssm.delete_parameter(Name=PORTAL["PORTAL_SETTINGS"])
    else:
        ssm.put_parameter(Name=PORTAL["PORTAL_SETTINGS"], Value=broken, Type="String", Overwrite=True)
    made = portal.handler(event("portal/me.json"), context)
    assert made["statusCode"] == 503
    assert json.loads(made["body"])["error"]["code"] == "try-again"
    assert "PortalFailures" in capsys.readouterr().out
    assert "settings cannot be used" in caplog.text


def test_a_lost_table_is_told_and_no_identity_with_it(
    table: Table,
    context: Any,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = signed_in(table, event("portal/me.json"))
    monkeypatch.setenv("PORTAL_TABLE", "another")
    assert portal.handler(given, context)["statusCode"] == 503
    said = capsys.readouterr().out + caplog.text
    assert '"PortalFailures"' in said
    assert "a request failed" in said
    assert ADA not in said
    assert given["cookies"][0].partition("=")[2] not in said


def test_settings_are_read_again_after_a_while_and_outlive_a_failure() -> None:
    texts = [json.dumps(SETTINGS), json.dumps(SETTINGS), json.dumps(SETTINGS | {"user_pool": "b"}), "{"]
    now, built, reports = [0.0], [], []

    def build(settings: PortalSettings) -> Router:
        built.append(settings.user_pool)
        return Router([], settings.origin, lambda _request, _parameters: None)

    application = Application(lambda: texts.pop(0), build, lambda: now[0])
    for left in (3, 2, 1, 0):
        for _ in range(3):
            made = application.respond(event("portal/me.json"), lambda said, _error: reports.append(said))
            assert made["statusCode"] == 404
        assert len(texts) == left
        now[0] += SETTINGS_SECONDS
    assert built == ["us-east-1_Example", "b"]
    assert reports == ["the portal's settings cannot be used"]


@pytest.mark.parametrize("origin", ["", "http://", "https://a/", "https://a b", "ftp://a", "https://a\n", "https://A"])
def test_an_origin_is_no_more_than_an_origin(origin: str) -> None:
    with pytest.raises(SettingsError):
        parse_settings(json.dumps(SETTINGS | {"origin": origin}))
