"""Sealed cookies and their keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from portal_site import CountingTable
from truepoint.task_queue.table import Table
from truepoint.web import sessions
from truepoint.web.sessions import (
    ROTATION_SECONDS,
    SESSION,
    SESSION_SECONDS,
    SIGN_IN,
    Cookies,
    KeyStore,
    Session,
    SignIn,
    SigningKey,
    seal,
    unseal,
)

NOW = 1_700_000_000.0
KEY = SigningKey("one", "A" * 43, NOW)
OTHER = SigningKey("two", "B" * 43, NOW)
ADA = Session("p" + "a" * 19, int(NOW) + SESSION_SECONDS)


def test_a_session_is_valid_for_eight_hours() -> None:
    text = seal([KEY], SESSION, ADA)
    assert unseal([OTHER, KEY], SESSION, text, Session, NOW) == ADA
    assert unseal([KEY], SESSION, text, Session, NOW + SESSION_SECONDS - 1) == ADA
    assert unseal([KEY], SESSION, text, Session, NOW + SESSION_SECONDS) is None


def test_the_newest_key_signs() -> None:
    assert sessions.key_name(seal([OTHER, KEY], SESSION, ADA)) == "two"


def test_every_changed_character_invalidates_the_signature() -> None:
    text = seal([KEY], SESSION, ADA)
    for position in range(len(text)):
        changed = text[:position] + ("A" if text[position] != "A" else "B") + text[position + 1 :]
        assert unseal([KEY], SESSION, changed, Session, NOW) is None, position


@pytest.mark.parametrize(
    "text", ["", ".", "one", "one.", "one..", "one.e30", "one.e30.", "é.é.é", "\ud800.a.b", "one.é.é"]
)
def test_an_unsigned_cookie_is_no_session(text: str) -> None:
    assert unseal([KEY], SESSION, text, Session, NOW) is None


def test_a_signature_by_another_key_with_the_same_id_is_refused() -> None:
    text = seal([SigningKey("one", "B" * 43, NOW)], SESSION, ADA)
    assert unseal([KEY], SESSION, text, Session, NOW) is None


def test_a_sign_in_is_no_session() -> None:
    begun = sessions.begin_sign_in("/portal/", NOW)
    text = seal([KEY], SIGN_IN, begun)
    assert unseal([KEY], SIGN_IN, text, SignIn, NOW) == begun
    assert unseal([KEY], SESSION, text, Session, NOW) is None


def test_a_sign_in_is_found_by_its_state_in_the_same_browser() -> None:
    cookies = Cookies(secure=True)
    mine, other = (sessions.begin_sign_in("/portal/", NOW) for _ in range(2))
    received = {cookies.name(SIGN_IN, one.state): seal([KEY], SIGN_IN, one) for one in (mine, other)}
    assert len(received) == 2
    for state in (mine, other):
        assert sessions.find_sign_in([KEY], cookies, received, state.state, NOW) == state
    assert sessions.find_sign_in([KEY], cookies, {}, mine.state, NOW) is None
    assert sessions.find_sign_in([KEY], cookies, received, mine.state[:8] + "x" * 35, NOW) is None
    assert sessions.find_sign_in([KEY], cookies, received, mine.state[:8], NOW) is None
    assert sessions.find_sign_in([KEY], cookies, received, mine.state, NOW + sessions.SIGN_IN_SECONDS) is None


def test_cookies_are_for_this_host_only_and_not_for_scripts() -> None:
    on_https, on_http = Cookies(secure=True), Cookies(secure=False)
    name = on_https.name(SESSION)
    assert on_https.set(name, "v", 60) == (
        "__Host-truepoint-session=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure"
    )
    assert on_http.set(on_http.name(SESSION), "", 0) == (
        "truepoint-session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    )


def test_cookies_are_read_from_a_header_or_a_list() -> None:
    assert sessions.parse_cookies(["a=1; b=2=3"]) == {"a": "1", "b": "2=3"}
    assert sessions.parse_cookies(["a=1", "b=2", "a=3"]) == {"a": "1", "b": "2"}
    assert sessions.parse_cookies([f"a={'x' * 5000}", ";;", "b", ""]) == {}


@pytest.mark.parametrize("text", ["a", "+w", "_w==", "ä", "a b", "AAAAA"])
def test_text_that_is_not_base64url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="base64url"):
        sessions.base64url(text)


def test_the_keys_are_made_once(table: Table) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: KeyStore(table).keys(NOW), range(8)))
    assert {tuple(keys) for keys in found} == {tuple(found[0])}
    assert len(sessions.base64url(found[0][0].secret)) == 32


def test_old_keys_are_replaced_and_the_one_before_still_counts(table: Table) -> None:
    first = KeyStore(table).keys(NOW)
    text = seal(first, SESSION, Session("p", int(NOW) + 10 * ROTATION_SECONDS))
    assert KeyStore(table).keys(NOW + ROTATION_SECONDS - 1) == first
    second = KeyStore(table).keys(NOW + ROTATION_SECONDS)
    assert second[1:] == first
    assert unseal(second, SESSION, text, Session, NOW)
    third = KeyStore(table).keys(NOW + 2 * ROTATION_SECONDS)
    assert third[1:] == second[:1]
    assert unseal(third, SESSION, text, Session, NOW) is None


def test_keys_are_read_once_until_a_session_names_an_unknown_one(table: CountingTable) -> None:
    store = KeyStore(table)
    first = store.keys(NOW)
    calls = table.calls
    assert store.find(first[0].name, NOW + 60) == first
    assert table.calls == calls
    new, _ = KeyStore(table).keys(NOW + ROTATION_SECONDS)
    assert store.find(new.name, NOW + 61)[0] == new
    calls = table.calls
    assert store.find("nobody", NOW + 62)[0] == new
    assert table.calls == calls
