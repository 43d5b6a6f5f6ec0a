"""Signing in and out, against a provider on this machine that is well or misbehaves."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest
from joserfc.jwk import RSAKey

from identity_provider import OTHER_KEY, IdentityProvider, identity_provider, ok
from portal_jobs import NOW
from truepoint.adapters import https
from truepoint.adapters.https import FetchError, fetch
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Person
from truepoint.task_queue.table import Table
from truepoint.web import identity, sign_in
from truepoint.web.application import respond
from truepoint.web.people import People
from truepoint.web.requests import Request, Response
from truepoint.web.routes import Role, Route, Router
from truepoint.web.sessions import SESSION, Cookies, KeyStore
from truepoint.web.sign_in import FAILED, HOME, ProviderKeys, SignInRoutes, return_path

ORIGIN = "https://portal.example"


class Browser:
    """A browser at the portal: keeps cookies as browsers do, and follows no redirection by itself."""

    def __init__(self, provider: IdentityProvider, table: Table) -> None:
        self.now = NOW
        self.provider = provider
        self.table = table
        self.cookies: dict[str, str] = {}
        self.reports: list[str] = []
        self.set: list[str] = []
        keys, cookies = KeyStore(table), Cookies(secure=True)
        routes = SignInRoutes(
            provider.provider, table, keys, cookies, origin=ORIGIN, now=lambda: self.now
        ).routes()  # fmt: skip
        people = People(table, keys, cookies, lambda: self.now)
        who = Route("GET", "/api/who", Role.WORKER, lambda _r, caller, _p: Response(value=[caller.id, caller.lead]))
        self.router = Router([*routes, who], ORIGIN, people.identify)

    def send(self, method: str, path: str, origin: str = ORIGIN, **query: str) -> dict[str, Any]:
        event = {
            "rawPath": path,
            "rawQueryString": urlencode(query),
            "requestContext": {"http": {"method": method}},
            "headers": {"origin": origin} if method != "GET" else {},
            "cookies": [f"{name}={value}" for name, value in self.cookies.items()],
        }
        made = respond(self.router, event, lambda said, error: self.reports.append(f"{said}: {error!r}"))
        self.set = made["cookies"]
        for cookie in made["cookies"]:
            name, _, rest = cookie.partition("=")
            value, _, flags = rest.partition("; ")
            assert flags.endswith("HttpOnly; SameSite=Lax; Secure")
            self.cookies.pop(name, None)
            if "Max-Age=0" not in flags:
                self.cookies[name] = value
        return made

    def begin(self, **query: str) -> str:
        made = self.send("GET", "/api/sign-in", **query)
        assert made["statusCode"] == 302
        return str(made["headers"]["location"])

    def finish(self, **back: str) -> tuple[int, str]:
        made = self.send("GET", "/api/signed-in", **back)
        return made["statusCode"], made["headers"].get("location", made["body"])

    def sign_in(self, **query: str) -> tuple[int, str]:
        return self.finish(**self.provider.consent(self.begin(**query)))

    def who(self) -> Any:
        return json.loads(self.send("GET", "/api/who")["body"])

    @property
    def signed_in(self) -> bool:
        return Cookies(secure=True).name(SESSION) in self.cookies


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider(NOW) as running:
        yield running


@pytest.fixture
def browser(provider: IdentityProvider, table: Table) -> Browser:
    return Browser(provider, table)


def test_somebody_signs_in_and_out(browser: Browser, provider: IdentityProvider) -> None:
    provider.claims = {"cognito:groups": ["leads"]}
    assert browser.sign_in(**{"return": "/portal/?job=people-1#task"}) == (302, "/portal/?job=people-1#task")
    person = identity.pseudonym(provider.url, "7d1f2c")
    assert browser.who() == [person, True]
    key = rows.person_key(person)
    row: Person = rows.read(browser.table.get([key])[key], Person)
    assert row == Person(name="Ada", email="ada@example.com", lead=True, signed_in=NOW)
    assert list(browser.cookies) == ["__Host-truepoint-session"]  # that of the sign-in is gone
    assert "ada" not in str(browser.cookies).lower()
    made = browser.send("POST", "/api/sign-out")
    location = urlsplit(json.loads(made["body"])["location"])
    assert location.path == "/logout"
    assert parse_qs(location.query) == {"client_id": ["portal"], "logout_uri": [f"{ORIGIN}{HOME}"]}
    assert browser.cookies == {}
    assert browser.who()["error"]["code"] == "signed-out"
    assert browser.reports == []


def test_a_former_lead_is_a_worker_after_the_next_sign_in(browser: Browser, provider: IdentityProvider) -> None:
    provider.claims = {"cognito:groups": ["leads"]}
    browser.sign_in()
    provider.claims = {}
    browser.sign_in()
    assert browser.who()[1] is False


def test_two_tabs_sign_in_at_once(browser: Browser, provider: IdentityProvider) -> None:
    first, second = browser.begin(**{"return": "/portal/a"}), browser.begin(**{"return": "/portal/b"})
    assert browser.finish(**provider.consent(second)) == (302, "/portal/b")
    assert browser.finish(**provider.consent(first)) == (302, "/portal/a")


def test_sign_ins_that_are_never_finished_do_not_pile_up(browser: Browser, provider: IdentityProvider) -> None:
    for _ in range(20):
        last = browser.begin()
        assert len(browser.cookies) <= sign_in.MOST_SIGN_INS
    assert browser.finish(**provider.consent(last)) == (302, HOME)


def test_the_session_ends_after_eight_hours(browser: Browser, provider: IdentityProvider) -> None:
    browser.sign_in()
    assert "Max-Age=28800;" in browser.set[-1]
    browser.now += 8 * 3600 - 1
    assert browser.who()[1] is False
    browser.now += 1
    assert browser.who()["error"]["code"] == "signed-out"


def test_a_sign_in_of_another_browser_is_refused(browser: Browser, provider: IdentityProvider, table: Table) -> None:
    """Who is sent to /api/signed-in with an attacker's code and state is not signed in as the attacker."""
    back = provider.consent(Browser(provider, table).begin())
    assert browser.finish(**back) == (302, FAILED)
    assert not browser.signed_in
    assert provider.asked("/oauth2/token") == 0


@pytest.mark.parametrize(
    "change",
    [
        {"state": ""},
        {"state": "x" * 43},
        {"code": ""},
        {"code": "another"},
        {"code": "x" * 3000},
    ],
)
def test_a_return_that_did_not_come_from_the_provider_is_refused(
    browser: Browser, provider: IdentityProvider, change: dict[str, str]
) -> None:
    back = provider.consent(browser.begin())
    assert browser.finish(**back | change) == (302, FAILED)
    assert not browser.signed_in
    assert browser.reports == []


def test_a_code_counts_once(browser: Browser, provider: IdentityProvider) -> None:
    back = provider.consent(browser.begin())
    cookies = dict(browser.cookies)
    assert browser.finish(**back)[1] == HOME
    browser.cookies = cookies
    assert browser.finish(**back) == (302, FAILED)


def test_a_sign_in_that_took_too_long_is_refused(browser: Browser, provider: IdentityProvider) -> None:
    back = provider.consent(browser.begin())
    browser.now += 600
    assert browser.finish(**back) == (302, FAILED)
    assert not browser.signed_in


def test_a_cancelled_sign_in_starts_no_session(browser: Browser, provider: IdentityProvider) -> None:
    state = provider.consent(browser.begin())["state"]
    assert browser.finish(error="access_denied", state=state) == (302, FAILED)
    assert browser.cookies == {}


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"iss": "https://evil.example"},
        {"exp": NOW - 3600},
        {"nonce": "n" * 43},
        {"token_use": "access"},
        {"sub": ""},
    ],
)
def test_a_token_that_proves_nothing_signs_nobody_in(
    browser: Browser, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert browser.sign_in() == (302, FAILED)
    assert not browser.signed_in
    assert browser.table.query(rows.PEOPLE) == []


def test_a_token_of_a_key_that_is_not_published_signs_nobody_in(browser: Browser, provider: IdentityProvider) -> None:
    published = [key.as_dict(private=False) for key in provider.keys]
    provider.keys = [RSAKey.import_key(OTHER_KEY.as_dict(private=True) | {"kid": "one"})]
    provider.answers["/jwks.json"] = ok({"keys": published})
    assert browser.sign_in() == (302, FAILED)


REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
BAD = {
    "redirect": REDIRECT,
    "status": ok({}, "500 Internal Server Error"),
    "throttled": ok({}, "503 Service Unavailable"),
    "no json": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n<>",
    "no object": ok([]),
    "nothing": ok({}),
    "large": b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 300_000,
    "broken": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
    "no http": b"hello\r\n\r\n",
    "silent": b"",
}


@pytest.mark.parametrize("path", ["/oauth2/token", "/jwks.json"])
@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_provider_that_misbehaves_signs_nobody_in(
    browser: Browser, provider: IdentityProvider, path: str, answer: bytes
) -> None:
    provider.answers[path] = answer
    status, said = browser.sign_in()
    failed = answer == REDIRECT and (status, said) == (302, FAILED)  # the status says: not with this code
    assert failed or (status, json.loads(said)["error"]["code"]) == (503, "try-again")
    assert not browser.signed_in
    assert browser.reports == []
    del provider.answers[path]
    assert browser.sign_in() == (302, HOME)


def test_a_response_that_never_ends_is_given_up(provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "TOTAL_SECONDS", 0.3)
    provider.slow = 0.05
    provider.answers["/slow"] = ok({"a": "x" * 200})
    with pytest.raises(FetchError):
        fetch(f"{provider.url}/slow", 1000)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "file:///etc/passwd", "ftp://127.0.0.1/", "//x", "http://127.0.0.1.evil.example/"]
)
def test_only_https_is_asked(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        fetch(url, 1)


def test_an_unreachable_provider_is_reported(provider: IdentityProvider) -> None:
    with pytest.raises(FetchError, match="ConnectionRefusedError"):
        fetch("http://127.0.0.1:1/", 1)


def test_keys_are_fetched_once_and_again_for_a_new_key(browser: Browser, provider: IdentityProvider) -> None:
    for _ in range(3):
        assert browser.sign_in()[1] == HOME
    assert provider.asked("/jwks.json") == 1
    provider.keys = [OTHER_KEY, *provider.keys]
    browser.now += sign_in.REFETCH_SECONDS
    assert browser.sign_in()[1] == HOME
    assert provider.asked("/jwks.json") == 2


def token_of(name: str) -> str:
    return urlsafe_b64encode(json.dumps({"kid": name}).encode()).decode().rstrip("=") + ".e30.AA"


class Counted:
    """Key sets in turn; the last one again and again. An exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, _url: str, _largest: int, _form: Any = None) -> bytes:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return json.dumps({"keys": [{"kid": name} for name in answer]}).encode()


def test_unknown_keys_cause_at_most_one_request_a_minute() -> None:
    get = Counted(["one"])
    keys = ProviderKeys("https://x", get)
    for second in range(120):
        keys.for_token(token_of(f"forged-{second}"), NOW + second)
    assert get.calls == 2
    keys.for_token(token_of("one"), NOW + 500)
    assert get.calls == 2


def test_keys_outlive_a_provider_that_fails_for_a_while_but_not_for_long() -> None:
    get = Counted(["one"], FetchError("down"))
    keys = ProviderKeys("https://x", get)
    keys.for_token(token_of("one"), NOW)
    assert keys.for_token(token_of("two"), NOW + 61) == {"keys": [{"kid": "one"}]}
    assert keys.for_token(token_of("one"), NOW + sign_in.KEY_SECONDS - 1)["keys"]
    for later in (0, 1, 61):
        with pytest.raises(FetchError):
            keys.for_token(token_of("one"), NOW + sign_in.KEY_SECONDS + later)


def test_a_key_that_was_withdrawn_is_forgotten_within_a_day() -> None:
    get = Counted(["one"], ["two"])
    keys = ProviderKeys("https://x", get)
    keys.for_token(token_of("one"), NOW)
    assert keys.for_token(token_of("one"), NOW + sign_in.KEY_SECONDS) == {"keys": [{"kid": "two"}]}


@pytest.mark.parametrize(
    "path", ["/portal/", "/portal/jobs/a-1", "/portal/?job=a&b=%20c", "/portal/#people", "/portal/a.b", "/portal/..a"]
)
def test_paths_of_the_page_are_returned_to(path: str) -> None:
    assert return_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/portal",
        "/api/sign-out",
        "https://evil.example/portal/",
        "//evil.example/portal/",
        "/portal//evil.example",
        "/\\evil.example/portal/",
        "/portal/\\evil.example",
        "/portal/\r\nset-cookie: a=b",
        "/portal/\n",
        "/portal/\t/x",
        "/portal/\x00",
        "/portal/ x",
        "/portal/é",
        "/portal/../api/sign-in",
        "/portal/..",
        "/portal/./x",
        "/portal/%2E%2e/ui/",
        "/portal/.%2e?x",
        "\u2028/portal/",
        "/portal/" + "a" * 500,
        "/portal/\ud800",
    ],
)
def test_other_return_paths_lead_to_the_first_page(path: str) -> None:
    assert return_path(path) == HOME


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/portal/", "/portal/%0d%0aset-cookie:a=b"])
def test_nobody_is_sent_to_another_site(browser: Browser, back: str) -> None:
    browser.sign_in(**{"return": back})
    status, location = browser.sign_in(**{"return": back})
    assert status == 302
    assert location.startswith("/portal/")
    assert not {"\r", "\n"} & set(location)


def test_signing_out_takes_no_foreign_page(browser: Browser) -> None:
    browser.sign_in()
    assert browser.send("POST", "/api/sign-out", origin="https://evil.example")["statusCode"] == 403
    assert browser.signed_in


def test_the_cookie_of_a_sign_in_is_no_session(browser: Browser) -> None:
    browser.begin()
    ((name, value),) = browser.cookies.items()
    browser.cookies = {"__Host-truepoint-session": value}
    assert name.startswith("__Host-truepoint-sign-in-")
    assert browser.who()["error"]["code"] == "signed-out"


def test_a_long_return_still_fits_a_cookie(browser: Browser) -> None:
    path = "/portal/?" + quote("é" * 80)
    assert browser.sign_in(**{"return": path}) == (302, path)


def test_an_invalid_request_is_not_forwarded(browser: Browser) -> None:
    request = Request(method="GET", path="/api/sign-in", query={"return": "/portal/\r\nx"})
    assert "\n" not in browser.router.respond(request).location
