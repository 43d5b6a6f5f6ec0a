"""Signed cookies: sessions, and the state of sign-ins in progress.

A cookie is a value with its HMAC-SHA256. Encryption is not needed: the value is no secret from its owner, scripts
cannot read it (HttpOnly), and it holds no token of the identity provider. So a library for signed cookies would only
add start-up time. A session identifies a person; the person's permissions are read from the table at each request.

On https, cookies have the prefix `__Host-`, so that the browser accepts them only from this host, for all paths and
over https (RFC 6265bis, section 4.1.3.2). On http, which only the demo on a laptop uses, WebKit drops cookies with that
prefix.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from truepoint.adapters.bucket import ChangedError
from truepoint.task_queue.rows import Key
from truepoint.task_queue.table import Action, ConditionError, Table

SESSION_SECONDS = 8 * 3600
"""Duration of a session, in seconds: a work shift. The page can sign in again without losing an open task."""
SIGN_IN_SECONDS = 600
"""Maximum duration of a sign-in, in seconds, from the link to the return from the identity provider."""
ROTATION_SECONDS = 30 * 24 * 3600
"""Age at which a signing key is replaced, in seconds."""
SHARING_SECONDS = 300
"""Time for which an instance of the function caches the keys, in seconds."""
LONGEST_COOKIE = 4096
"""Maximum length of a cookie, in characters; longer ones are ignored. Browsers do not store longer ones."""
KEYS = Key("SESSION", "keys")
"""The row of the signing keys."""

SESSION = "session"
SIGN_IN = "sign-in"

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_STATE = re.compile(r"[A-Za-z0-9_-]{43}")
_SHORT = 8  # characters of the state in the cookie's name, so that several tabs can sign in at once

T = TypeVar("T", bound=msgspec.Struct)


class Session(msgspec.Struct, frozen=True):
    """A session: the person's pseudonym, and the end of the session in seconds since 1970."""

    person: str
    expires: int


class SignIn(msgspec.Struct, frozen=True):
    """A sign-in in progress.

    `state` and `nonce` are values that the identity provider must return. `verifier` is that of PKCE. `path` is the
    path of the portal to which the browser returns. `expires` is in seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    path: str
    expires: int


class SigningKey(msgspec.Struct, frozen=True):
    """A signing key: its name, its 32 bytes in base64url, and when it was created."""

    name: str
    secret: str
    created: float


class Cookies(NamedTuple):
    """The names and flags of the portal's cookies.

    Attributes:
        secure: whether the portal is on https.
    """

    secure: bool

    def name(self, purpose: str, state: str = "") -> str:
        """Return the name of a cookie. Each sign-in has its own, which contains part of its state."""
        short = f"-{state[:_SHORT]}" if state else ""
        return f"{'__Host-' if self.secure else ''}truepoint-{purpose}{short}"

    def set(self, name: str, value: str, seconds: int) -> str:
        """Return the value of a Set-Cookie header. A duration of 0 seconds deletes the cookie."""
        flags = "; Secure" if self.secure else ""
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{flags}"


def parse_cookies(headers: Iterable[str]) -> dict[str, str]:
    """Return cookies by name, from `name=value` texts or whole Cookie headers. The first of equal names counts."""
    cookies: dict[str, str] = {}
    for header in headers:
        for part in header.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and len(value) <= LONGEST_COOKIE:
                cookies.setdefault(name, value)
    return cookies


def seal(keys: Sequence[SigningKey], purpose: str, value: msgspec.Struct) -> str:
    """Return a value signed with the newest key, as text for a cookie.

    The signature covers `purpose`, so that one kind of cookie cannot be used as another.
    """
    body = f"{keys[0].name}.{_encode(msgspec.json.encode(value))}"
    return f"{body}.{_encode(_mac(keys[0], purpose, body))}"


def unseal(keys: Sequence[SigningKey], purpose: str, text: str, kind: type[T], now: float) -> T | None:
    """Return a signed value; None if the signature or the purpose is wrong, or the value expired."""
    body, _, seal_text = text.rpartition(".")
    name, _, payload = body.partition(".")
    key = next((key for key in keys if key.name == name), None)
    if key is None or not text.isascii():
        return None
    if not hmac.compare_digest(_encode(_mac(key, purpose, body)).encode(), seal_text.encode()):
        return None
    value = msgspec.json.decode(base64url(payload), type=kind)
    return value if now < value.expires else None  # type: ignore[attr-defined]


def begin_sign_in(path: str, now: float) -> SignIn:
    """Return a new sign-in with random state, nonce and PKCE verifier (43 to 128 characters, RFC 7636)."""
    return SignIn(
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(32),
        path=path,
        expires=int(now) + SIGN_IN_SECONDS,
    )


def find_sign_in(
    keys: Sequence[SigningKey], cookies: Cookies, received: Mapping[str, str], state: str, now: float
) -> SignIn | None:
    """Return the sign-in that this browser began with this state; None if there is none."""
    if not _STATE.fullmatch(state):
        return None
    text = received.get(cookies.name(SIGN_IN, state), "")
    sign_in = unseal(keys, SIGN_IN, text, SignIn, now)
    return sign_in if sign_in and hmac.compare_digest(sign_in.state, state) else None


def challenge(verifier: str) -> str:
    """Return the PKCE challenge of a verifier, method S256 (RFC 7636, section 4.2)."""
    return _encode(hashlib.sha256(verifier.encode()).digest())


class KeyStore:
    """The signing keys, which are stored in the portal's table.

    The function creates them and replaces them each month, so that nobody has to create, know or rotate a secret, and
    the template holds none. If the table is lost, everybody is signed out, with no other effect.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._keys: list[SigningKey] = []
        self._read = float("-inf")

    def keys(self, now: float) -> list[SigningKey]:
        """Return the keys, newest first. Create them if missing, and replace the newest one if it is too old.

        Raises:
            ChangedError: other instances replaced the keys during each attempt.
        """
        if self._keys and 0 <= now - self._read < SHARING_SECONDS:
            return self._keys
        for _ in range(3):
            item = self._table.get([KEYS]).get(KEYS)
            keys = msgspec.convert(item["keys"], list[SigningKey]) if item else []
            if not keys or now - keys[0].created >= ROTATION_SECONDS:
                keys = self._replaced(keys, item, now)
            if keys:
                self._keys, self._read = keys, now
                return keys
        raise ChangedError("expected at most two other instances to replace the signing keys at once, got more")

    def find(self, name: str, now: float) -> list[SigningKey]:
        """Return the keys. If none has this name, read them again, because another instance may have replaced them.

        Names that do not exist cause at most one read per ten seconds.
        """
        if self._keys and all(key.name != name for key in self._keys) and now - self._read > 10:
            self._read = float("-inf")
        return self.keys(now)

    def _replaced(self, keys: list[SigningKey], item: Mapping[str, Any] | None, now: float) -> list[SigningKey]:
        """Return the keys with a new one, or [] if another instance replaced them first."""
        new = SigningKey(secrets.token_hex(4), secrets.token_urlsafe(32), now)
        # The previous key is kept until the next replacement, because cookies signed with it may still be valid.
        after = [new, *keys[:1]]
        names: dict[str, Any] = {"put": {"keys": [msgspec.to_builtins(key) for key in after], "newest": new.name}}
        if item:
            names |= {"condition": "newest = :newest", "values": {"newest": item["newest"]}}
        else:
            names |= {"condition": "attribute_not_exists(pk)"}
        try:
            self._table.write(Action(*KEYS, **names))
        except ConditionError:
            return []
        return after


def key_name(text: str) -> str:
    """Return the name of the key with which a text claims to be signed."""
    return text.partition(".")[0]


def base64url(text: str) -> bytes:
    """Return the bytes of base64url text without padding (RFC 7515, appendix C).

    Raises:
        ValueError: the text is not base64url without padding.
    """
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise ValueError("expected base64url text without padding, got something else")
    return b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _mac(key: SigningKey, purpose: str, body: str) -> bytes:
    return hmac.digest(base64url(key.secret), f"{purpose}\n{body}".encode(), "sha256")
