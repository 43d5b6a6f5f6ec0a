"""Signing in and out: authorization code flow with PKCE, as RFC 9700 and OpenID Connect Core describe it.

A browser begins with a state, a nonce and a verifier in a sealed cookie. The identity provider sends it back with a
code. The function itself exchanges the code for an id token, checks it, writes the person's row and sets the session
cookie: no token reaches the browser.
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

HOME = "/portal/"
"""Where somebody goes after signing in who asked for nothing else."""
FAILED = "/portal/?signed-in=no"
"""Where somebody goes whose sign-in failed: the page says so, and offers another try."""
SIGNED_IN = "/api/signed-in"
LONGEST_RETURN = 500
LONGEST_CODE = 2048
LARGEST_ANSWER = 256 * 1024
"""Bytes of a token response or a key set. Cognito's are a few kB."""
KEY_SECONDS = 24 * 3600
"""How long the provider's keys are used without asking again: a key that was withdrawn counts no longer than this."""
REFETCH_SECONDS = 60
"""How often the keys are fetched at most, however many tokens name keys that are unknown."""
MOST_SIGN_INS = 4
"""Sign-ins that one browser may have under way. More would fill the request's headers; the oldest are forgotten."""

_RETURN = re.compile(r"/portal/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*")
_DOTS = re.compile(r"(?:^|[/\\])(?:\.|%2e){1,2}(?:[/?#]|$)", re.IGNORECASE)

Fetch = Callable[..., bytes]
"""`truepoint.adapters.https.fetch`, or what a test puts in its place."""


class ProviderKeys:
    """The provider's public keys, fetched when they are first needed and again for a token that names another one."""

    def __init__(self, url: str, get: Fetch = fetch) -> None:
        self._url = url
        self._get = get
        self._keys: dict[str, Any] = {}
        self._tried = self._read = float("-inf")

    def for_token(self, token: str, now: float) -> Mapping[str, Any]:
        """Return the key set, which has the token's key if the provider publishes it.

        Raises:
            FetchError: it cannot be fetched, and there is none that is recent enough.
        """
        fresh = now - self._read < KEY_SECONDS
        if (not fresh or not self._has(identity.key_id(token))) and now - self._tried >= REFETCH_SECONDS:
            self._tried = now
            try:
                self._keys, self._read = self._fetched(), now
            except FetchError:
                if not fresh:
                    self._tried = float("-inf")  # nothing can be done without keys: the next one tries again
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
        provider: who signs people in.
        table: the portal's table.
        keys: the keys of the cookies' seals.
        cookies: how cookies are named.
        origin: the portal's own origin.
        get: makes requests.
        now: seconds since 1970.
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
        """Take the browser back from the identity provider: exchange the code, check the token, begin the session.

        What fails ends at the page, with nothing but that it failed.
        """
        now, state, code = self._now(), request.query.get("state", ""), request.query.get("code", "")
        begun = sessions.find_sign_in(
            self._keys.find(self._key_name(request, state), now), self._cookies, request.cookies, state, now
        )
        if begun is None:
            return Response(status=302, location=FAILED)
        forget = self._cookies.set(self._cookies.name(SIGN_IN, state), "", 0)
        if not 0 < len(code) <= LONGEST_CODE:  # the provider sends `error` instead, to whoever cancels
            return Response(status=302, location=FAILED, cookies=[forget])
        try:
            token = self._exchanged(code, begun.verifier)
            keys = self._provider_keys.for_token(token, now)
            person = identity.verify(token, keys, self._provider, begun.nonce, now)
        except TokenError:
            return Response(status=302, location=FAILED, cookies=[forget])
        except StatusError as error:
            if error.status < 500:  # the code was used before, or is too old
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
        """End the session in this browser. The page then goes to where the provider ends its own."""
        # https://docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html
        query = urlencode({"client_id": self._provider.client_id, "logout_uri": self._origin + HOME})
        return Response(
            value={"location": f"{self._provider.logout_url}?{query}"},
            cookies=[self._cookies.set(self._cookies.name(SESSION), "", 0)],
        )

    def _exchanged(self, code: str, verifier: str) -> str:
        """Return the id token for a code (RFC 6749, section 4.1.3, and RFC 7636, section 4.5).

        Raises:
            FetchError: no response that has one.
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
        """Return cookies that delete sign-ins which this browser left unfinished, if there are many."""
        prefix = self._cookies.name(SIGN_IN) + "-"
        old = [name for name in request.cookies if name.startswith(prefix) and _COOKIE_NAME.fullmatch(name)]
        return [self._cookies.set(name, "", 0) for name in old] if len(old) >= MOST_SIGN_INS else []


_COOKIE_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


def return_path(text: str) -> str:
    """Return the path to go to after signing in: a path of the portal's page, or its beginning for all else.

    Browsers take paths with two slashes, backslashes or control characters for other sites' addresses (URL Standard).
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
