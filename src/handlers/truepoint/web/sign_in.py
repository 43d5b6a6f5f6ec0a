"""Signing in and out: the authorization code flow with PKCE (RFC 9700, OpenID Connect Core).

The browser gets a state, a nonce and a verifier in a signed cookie, and goes to the identity provider, which sends it
back with a code. The function exchanges the code for an id token, verifies the token, writes the person's row and sets
the session cookie. No token reaches the browser.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from truepoint.adapters.https import FetchError, StatusError, fetch
from truepoint.json_text import JsonError, decode
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Person
from truepoint.task_queue.table import Action, Table
from truepoint.web import identity, sessions
from truepoint.web.identity import Provider, TokenError
from truepoint.web.requests import RefusedError, Request, Response
from truepoint.web.routes import Parameters, Role, Route
from truepoint.web.sessions import SESSION, SESSION_SECONDS, SIGN_IN, SIGN_IN_SECONDS, Cookies, KeyStore, Session

HOME = "/portal/index.html"
"""Default path after signing in."""
FAILED = "/portal/index.html?signed-in=no"
"""Path after a failed sign-in. The page shows the failure and offers to try again."""
SIGNED_IN = "/api/signed-in"
"""Path to which the identity provider sends the browser back."""
LONGEST_RETURN = 500
"""Maximum length of the path after signing in, in characters."""
LONGEST_CODE = 2048
"""Maximum length of an authorization code, in characters."""
LARGEST_ANSWER = 256 * 1024
"""Maximum size of a token response or a key set, in bytes. Cognito's have a few kB."""
KEY_SECONDS = 24 * 3600
"""Time after which the provider's keys are fetched again, in seconds, and so the maximum time for which a withdrawn key
is trusted."""
REFETCH_SECONDS = 60
"""Minimum time between two fetches of the keys, in seconds, even if tokens name unknown keys."""
MOST_SIGN_INS = 4
"""Number of unfinished sign-ins of one browser at which they are deleted, so that cookies do not fill its requests'
headers."""

_RETURN = re.compile(r"/portal/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")
_DOTS = re.compile(r"(?:^|[/\\])(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE)

Fetch = Callable[..., bytes]
"""The type of `truepoint.adapters.https.fetch`."""


class ProviderKeys:
    """The provider's public keys, fetched at first use, and again for a token that names an unknown key."""

    def __init__(self, url: str, get: Fetch = fetch) -> None:
        self._url = url
        self._get = get
        self._keys: dict[str, Any] = {}
        self._tried = self._read = float("-inf")

    def for_token(self, token: str, now: float) -> Mapping[str, Any]:
        """Return the key set, which includes the token's key if the provider publishes it.

        Raises:
            FetchError: the key set cannot be fetched, and the cached one is missing or too old.
        """
        fresh = now - self._read < KEY_SECONDS
        if (not fresh or not self._has(identity.key_id(token))) and now - self._tried >= REFETCH_SECONDS:
            self._tried = now
            try:
                self._keys, self._read = self._fetched(), now
            except FetchError:
                if not fresh:
                    self._tried = float("-inf")  # without keys nobody can sign in, so the next request tries again
                    raise
        elif not fresh:
            raise FetchError("expected the provider's keys, they could not be fetched a moment ago")
        return self._keys

    def _has(self, name: str) -> bool:
        return any(isinstance(key, dict) and key.get("kid") == name for key in self._keys.get("keys", ()))

    def _fetched(self) -> dict[str, Any]:
        value = _object(self._get(self._url, LARGEST_ANSWER))
        if not isinstance(value.get("keys"), list):
            raise FetchError("expected a JSON Web Key Set, got something else")
        return value


class SignInRoutes:
    """The three routes of signing in and out.

    Args:
        provider: the identity provider.
        table: the portal's table.
        keys: the signing keys of cookies.
        cookies: the names and flags of cookies.
        origin: the portal's own origin.
        get: makes requests to the provider.
        now: returns the time in seconds since 1970.
    """

    def __init__(
        self,
        provider: Provider,
        table: Table,
        keys: KeyStore,
        cookies: Cookies,
        *,
        origin: str,
        get: Fetch = fetch,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._table = table
        self._keys = keys
        self._cookies = cookies
        self._origin = origin
        self._get = get
        self._now = now
        self._provider_keys = ProviderKeys(provider.keys_url, get)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("GET", "/api/sign-in", Role.NOBODY, self.sign_in),
            Route("GET", SIGNED_IN, Role.NOBODY, self.signed_in),
            Route("POST", "/api/sign-out", Role.NOBODY, self.sign_out),
        ]

    def sign_in(self, request: Request, _caller: None, _parameters: Parameters) -> Response:
        """Send the browser to the identity provider."""
        now = self._now()
        begun = sessions.begin_sign_in(return_path(request.query.get("return", "")), now)
        name = self._cookies.name(SIGN_IN, begun.state)
        sealed = sessions.seal(self._keys.keys(now), SIGN_IN, begun)
        return Response(
            status=302,
            location=identity.authorization_url(self._provider, begun, self._origin + SIGNED_IN),
            cookies=[*self._forget_old(request), self._cookies.set(name, sealed, SIGN_IN_SECONDS)],
        )

    def signed_in(self, request: Request, _caller: None, _parameters: Parameters) -> Response:
        """Complete a sign-in: exchange the code, verify the token, and begin the session.

        After a failure the browser goes to the page, which is told only that the sign-in failed.
        """
        now, state, code = self._now(), request.query.get("state", ""), request.query.get("code", "")
        begun = sessions.find_sign_in(
            self._keys.find(self._key_name(request, state), now), self._cookies, request.cookies, state, now
        )
        if begun is None:
            return Response(status=302, location=FAILED)
        forget = self._cookies.set(self._cookies.name(SIGN_IN, state), "", 0)
        if not 0 < len(code) <= LONGEST_CODE:  # if a person cancels, the provider sends `error` instead
            return Response(status=302, location=FAILED, cookies=[forget])
        try:
            token = self._exchanged(code, begun.verifier)
            keys = self._provider_keys.for_token(token, now)
            person = identity.verify(token, keys, self._provider, begun.nonce, now)
        except TokenError:
            return Response(status=302, location=FAILED, cookies=[forget])
        except StatusError as error:
            if error.status < 500:  # the code was used before or has expired
                return Response(status=302, location=FAILED, cookies=[forget])
            raise _unreachable() from error
        except FetchError as error:
            raise _unreachable() from error
        row = Person(name=person.name, email=person.email, lead=person.lead, signed_in=now)
        self._table.write(Action(*rows.person_key(person.id), put=msgspec.to_builtins(row)))
        session = sessions.seal(self._keys.keys(now), SESSION, Session(person.id, int(now) + SESSION_SECONDS))
        cookie = self._cookies.set(self._cookies.name(SESSION), session, SESSION_SECONDS)
        return Response(status=302, location=begun.path, cookies=[forget, cookie])

    def sign_out(self, _request: Request, _caller: None, _parameters: Parameters) -> Response:
        """End the session in this browser, and return the URL at which the provider ends its own session."""
        # https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
        query = urlencode({"client_id": self._provider.client_id, "logout_uri": self._origin + HOME})
        return Response(
            value={"location": f"{self._provider.logout_url}?{query}"},
            cookies=[self._cookies.set(self._cookies.name(SESSION), "", 0)],
        )

    def _exchanged(self, code: str, verifier: str) -> str:
        """Return the id token for a code (RFC 6749, section 4.1.3, and RFC 7636, section 4.5).

        Raises:
            FetchError: there was no response with an id token.
        """
        form = {
            "grant_type": "authorization_code",
            "client_id": self._provider.client_id,
            "code": code,
            "redirect_uri": self._origin + SIGNED_IN,
            "code_verifier": verifier,
        }
        token = _object(self._get(self._provider.token_url, LARGEST_ANSWER, form)).get("id_token")
        if not isinstance(token, str):
            raise FetchError("expected an id token in the token response, got none")
        return token

    def _key_name(self, request: Request, state: str) -> str:
        return sessions.key_name(request.cookies.get(self._cookies.name(SIGN_IN, state), ""))

    def _forget_old(self, request: Request) -> list[str]:
        """Return Set-Cookie values that delete this browser's unfinished sign-ins, if there are `MOST_SIGN_INS`."""
        prefix = self._cookies.name(SIGN_IN) + "-"
        old = [name for name in request.cookies if name.startswith(prefix) and _COOKIE_NAME.fullmatch(name)]
        return [self._cookies.set(name, "", 0) for name in old] if len(old) >= MOST_SIGN_INS else []


_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def return_path(text: str) -> str:
    """Return the path after signing in: `text` if it is a path of the portal's page, otherwise `HOME`.

    Paths with consecutive slashes, backslashes, control characters or dot segments are refused, because browsers may
    resolve them to other sites or to paths outside the portal (URL Standard).
    """
    usable = len(text) <= LONGEST_RETURN and _RETURN.fullmatch(text) and "//" not in text and not _DOTS.search(text)
    return text if usable else HOME


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = decode(text)
    except JsonError as error:
        raise FetchError("expected a JSON object of the identity provider, got something else") from error
    if not isinstance(value, dict):
        raise FetchError("expected a JSON object of the identity provider, got something else")
    return value


def _unreachable() -> RefusedError:
    return RefusedError(503, "try-again", "Signing in is not possible at the moment. Please try again.", retry_after=5)
