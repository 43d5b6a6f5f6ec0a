"""Requests, as AWS describes them, and the route table: whatever is wrong with a request is refused with its code."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from truepoint.web import requests
from truepoint.web.requests import LARGEST_BODY, RefusedError, Request, Response, as_event, parse_request
from truepoint.web.routes import Role, Route, Router

ORIGIN = "https://portal.example"
JSON = {"content-type": "application/json"}


def event(**change: Any) -> dict[str, Any]:
    """The members that the portal reads of the example in AWS's documentation of function URLs."""
    return {
        "version": "2.0",
        "rawPath": "/my/path",
        "rawQueryString": "parameter1=value1&parameter2=value",
        "cookies": ["cookie1=1", "cookie2=2"],
        "headers": {"Header1": "value1", "header2": "value1,value2"},
        "requestContext": {"http": {"method": "POST", "path": "/my/path", "protocol": "HTTP/1.1"}},
        "body": "Hello from client!",
        "isBase64Encoded": False,
    } | change


def test_the_documented_event_is_read() -> None:
    request = parse_request(event())
    assert (request.method, request.path, request.body) == ("POST", "/my/path", b"Hello from client!")
    assert request.query == {"parameter1": "value1", "parameter2": "value"}
    assert request.cookies == {"cookie1": "1", "cookie2": "2"}
    assert request.headers["header1"] == "value1"


def test_cookies_in_the_header_and_a_body_in_base64_are_read() -> None:
    request = parse_request(
        event(cookies=None, headers={"Cookie": "a=1; b=2"}, body=b64encode(b"\xff").decode(), isBase64Encoded=True)
    )
    assert (request.cookies, request.body) == ({"a": "1", "b": "2"}, b"\xff")


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "text",
        {},
        event(requestContext={}),
        event(requestContext=None),
        event(headers=["x"]),
        event(body=7),
        event(body="*", isBase64Encoded=True),
        event(rawQueryString="&".join(f"a{n}=1" for n in range(100))),
    ],
)
def test_other_events_are_bad_input(wrong: Any) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_request(wrong)
    assert (refused.value.status, refused.value.code) == (400, "bad-input")


def test_a_large_body_is_refused() -> None:
    assert len(parse_request(event(body="x" * LARGEST_BODY)).body) == LARGEST_BODY
    with pytest.raises(RefusedError) as refused:
        parse_request(event(body="x" * (LARGEST_BODY + 1)))
    assert refused.value.status == 413


def fields(body: bytes, headers: dict[str, str] | None = None) -> dict[str, Any]:
    return Request(method="POST", path="/", headers=JSON if headers is None else headers, body=body).fields()


def test_a_body_is_a_json_object() -> None:
    assert fields(b'{"a":[1]}', {"content-type": "Application/JSON; charset=utf-8"}) == {"a": [1]}
    assert fields(b'{"a":"\\ud800"}') == {"a": "\ud800"}
    assert fields(b'{"a":' + b"[" * 33 + b"]" * 33 + b"}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b"\xff",
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        '{"a":1}'.encode("utf-16"),
        ('{"\u2200":' + "[" * 300 + "]" * 300 + "}").encode("utf-16-le"),
    ],
)
def test_other_bodies_are_bad_input(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        fields(body)
    assert (refused.value.status, refused.value.code) == (400, "bad-input")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp"])
def test_a_form_of_another_site_is_refused(kind: str) -> None:
    with pytest.raises(RefusedError, match="content type"):
        fields(b"{}", {"content-type": kind})


def test_texts_and_numbers_are_bounded() -> None:
    assert requests.text({"note": " x "}, "note", 3) == "x"
    assert requests.text({}, "note", 3) == ""
    assert requests.number({"seconds": 3600}, "seconds", 3600) == 3600
    for value in (None, 7, "long", "\ud800", ["x"]):
        with pytest.raises(RefusedError):
            requests.text({"note": value}, "note", 3)
    for value in (None, True, -0.1, 3601, "7", float("nan")):
        with pytest.raises(RefusedError):
            requests.number({"seconds": value}, "seconds", 3600)


def test_a_response_is_json_that_cannot_be_cached_or_framed() -> None:
    made = as_event(Response(value={"a": "é\ud800"}, cookies=["a=1", "b=2"]))
    assert json.loads(made["body"]) == {"a": "é\ud800"}
    assert made["body"].isascii()
    assert made["cookies"] == ["a=1", "b=2"]
    assert made["headers"]["cache-control"] == "no-store"
    assert "unsafe" not in made["headers"]["content-security-policy"]


def test_a_redirection_has_a_location_and_no_body() -> None:
    made = as_event(Response(status=302, location="/portal/"))
    assert (made["statusCode"], made["headers"]["location"], made["body"]) == (302, "/portal/", "")


def test_a_refusal_states_the_reason_and_retry_after() -> None:
    made = as_event(requests.refusal(RefusedError(429, "busy", "Too many at once.", retry_after=2)))
    assert made["statusCode"] == 429
    assert made["headers"]["retry-after"] == "2"
    assert json.loads(made["body"]) == {"error": {"code": "busy", "message": "Too many at once."}}


class Somebody:
    def __init__(self, lead: bool) -> None:
        self.id, self.lead = "p" + "a" * 19, lead


def echo(_request: Request, caller: Any, parameters: dict[str, Any]) -> Response:
    return Response(value={"caller": caller and caller.id, **parameters})


ROUTES = (
    Route("GET", "/api/open", Role.NOBODY, echo),
    Route("GET", "/api/jobs/{job}/answers/{line}", Role.WORKER, echo),
    Route("POST", "/api/jobs/{job}/answers/{line}", Role.WORKER, echo),
    Route("POST", "/api/lead/jobs/{job}/workers/{worker}/pause", Role.LEAD, echo),
)
CALLERS = {"nobody": None, "worker": Somebody(False), "lead": Somebody(True)}


def send(method: str, path: str, who: str = "lead", **headers: str) -> Response:
    router = Router(ROUTES, ORIGIN, lambda _request, _parameters: CALLERS[who])
    return router.respond(Request(method=method, path=path, headers={"origin": ORIGIN} | headers))


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_a_role_may_use_its_routes_only(route: Route, who: str) -> None:
    path = route.path.format(job="people", line=0, worker="p" + "b" * 19)
    allowed = {Role.NOBODY: {"nobody", "worker", "lead"}, Role.WORKER: {"worker", "lead"}, Role.LEAD: {"lead"}}
    if who in allowed[route.role]:
        assert send(route.method, path, who).status == 200
        return
    with pytest.raises(RefusedError) as refused:
        send(route.method, path, who)
    assert refused.value.status == (401 if who == "nobody" else 403)


def test_parameters_are_read() -> None:
    assert send("GET", "/api/jobs/People-1/answers/12").value == {
        "caller": "p" + "a" * 19,
        "job": "people-1",
        "line": 12,
    }


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/open/",
        "/api/openx",
        "/api/jobs//answers/1",
        "/api/jobs/a b/answers/1",
        "/api/jobs/..%2f/answers/1",
        "/api/jobs/a#b/answers/1",
        "/api/jobs/people/answers/01",
        "/api/jobs/people/answers/-1",
        "/api/jobs/people/answers/1234567890",
        "/api/jobs/people/answers/١",  # noqa: RUF001 - a digit, but none of ours
        "/api/jobs/people/answers/1\n",
        "/api/lead/jobs/people/workers/ada/pause",
    ],
)
def test_other_paths_do_not_exist(path: str) -> None:
    with pytest.raises(RefusedError) as refused:
        send("POST", path)
    assert refused.value.status == 404


def test_other_methods_are_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        send("DELETE", "/api/open")
    assert refused.value.status == 405


@pytest.mark.parametrize("origin", ["", "null", "http://portal.example", ORIGIN + ".evil.example", ORIGIN + "/"])
@pytest.mark.parametrize("who", CALLERS)
def test_writes_of_other_origins_are_refused_first(who: str, origin: str) -> None:
    with pytest.raises(RefusedError) as refused:
        send("POST", "/api/jobs/people/answers/1", who, origin=origin)
    assert (refused.value.status, refused.value.code) == (403, "other-site")


def test_a_write_without_origin_is_refused() -> None:
    router = Router(ROUTES, ORIGIN, lambda _request, _parameters: CALLERS["worker"])
    with pytest.raises(RefusedError) as refused:
        router.respond(Request(method="POST", path="/api/jobs/people/answers/1"))
    assert refused.value.status == 403
    assert router.respond(Request(method="GET", path="/api/jobs/people/answers/1")).status == 200
