"""Verification of the id token that the identity provider issues at a sign-in.

The signature is verified as in RFC 8017, section 8.2.2: the expected encoding is computed and compared as a whole.
Nothing in the signature is parsed, so there is no parser to be lenient. Only the public key is used, so timing reveals
no secret. A library (joserfc with cryptography) would replace ten lines, but adds a quarter of a second to each start
and 15 MB to the package. Tests sign with that library, and check the example of RFC 7515.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from truepoint.json_text import JsonError, decode
from truepoint.web.sessions import SignIn, base64url, challenge

LEEWAY = 60
"""Allowed difference between the clocks of the identity provider and of this function, in seconds."""
LONGEST_TOKEN = 16384
"""Maximum length of a token, in characters. A token with hundreds of groups is shorter."""
LEAST_BITS = 2048
"""Minimum size of an RSA key, in bits (RFC 7518, section 3.3)."""
LONGEST_NAME = 200
"""Length to which names and e-mail addresses are cut, in characters."""
_SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # DigestInfo, RFC 8017, section 9.2, note 1


class TokenError(ValueError):
    """An id token that failed verification. The message holds nothing from the token."""


class Provider(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of an OpenID Connect provider: for Cognito, those of its user pool, app client and domain.

    `leads` is the name of the group whose members are leads.
    """

    issuer: str
    client_id: str
    authorize_url: str
    token_url: str
    keys_url: str
    logout_url: str
    leads: str = "leads"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in person: the pseudonym, and name, e-mail address and role from the provider."""

    id: str
    name: str
    email: str
    lead: bool


def authorization_url(provider: Provider, sign_in: SignIn, redirect_uri: str) -> str:
    """Return the URL of the provider's sign-in page (OpenID Connect Core, section 3.1.2.1, with PKCE)."""
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email profile",
        "state": sign_in.state,
        "nonce": sign_in.nonce,
        "code_challenge": challenge(sign_in.verifier),
        "code_challenge_method": "S256",
    }
    return f"{provider.authorize_url}?{urlencode(query)}"


def pseudonym(issuer: str, subject: str) -> str:
    """Return the id of a person in results: 20 characters, which cannot be reversed without the list of subjects."""
    digest = hashlib.sha256(f"{issuer}\n{subject}".encode()).digest()
    return "p" + b32encode(digest).decode().lower()[:19]


def verify(token: str, keys: Mapping[str, Any], provider: Provider, nonce: str, now: float) -> Identity:
    """Verify an id token, and return the person that it identifies.

    Args:
        token: the id token from the token endpoint.
        keys: the provider's JSON Web Key Set.
        provider: the expected issuer and client.
        nonce: the nonce of this sign-in.
        now: seconds since 1970.

    Raises:
        TokenError: the signature, the issuer, the client, the nonce or the validity period is wrong.
    """
    claims = _signed_claims(token, keys)
    if claims.get("iss") != provider.issuer:
        raise TokenError("expected an id token of the portal's own identity provider, got another issuer's")
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    if provider.client_id not in audiences or (len(audiences) > 1 and claims.get("azp") != provider.client_id):
        raise TokenError("expected an id token for the portal, got one for another client")
    if claims.get("token_use", "id") != "id":
        raise TokenError("expected an id token, got a token of another use")
    expires, issued = _time(claims, "exp"), _time(claims, "iat")
    if now >= expires + LEEWAY:
        raise TokenError("expected an id token that is still valid, got an expired one")
    if issued > now + LEEWAY:
        raise TokenError("expected an id token that was issued in the past, got one of the future")
    got = claims.get("nonce")
    if not isinstance(got, str) or not hmac.compare_digest(got.encode(errors="replace"), nonce.encode()):
        raise TokenError("expected an id token of this very sign-in, got one of another")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise TokenError("expected a subject of 1 to 255 characters, got none")
    groups = claims.get("cognito:groups")
    email = _text(claims.get("email"))
    return Identity(
        id=pseudonym(provider.issuer, subject),
        name=_text(claims.get("name")) or email.partition("@")[0],
        email=email,
        lead=isinstance(groups, list) and provider.leads in groups,
    )


def key_id(token: str) -> str:
    """Return the key id in a token's header; "" if there is none."""
    try:
        name = _object(token.partition(".")[0]).get("kid")
    except TokenError:
        return ""
    return name if isinstance(name, str) else ""


def _signed_claims(token: str, keys: Mapping[str, Any]) -> dict[str, Any]:
    parts = token.split(".") if len(token) <= LONGEST_TOKEN else []
    if len(parts) != 3:
        raise TokenError(f"expected a signed token of at most {LONGEST_TOKEN} characters, got something else")
    header = _object(parts[0])
    if header.get("alg") != "RS256" or "crit" in header:
        raise TokenError("expected a token signed with RS256 and no extensions, got another kind")
    modulus, exponent = _public_key(keys, header.get("kid"))
    try:
        signature = base64url(parts[2])
    except ValueError as error:
        raise TokenError("expected a signature in base64url, got something else") from error
    if not is_signed(f"{parts[0]}.{parts[1]}".encode(errors="replace"), signature, modulus, exponent):
        raise TokenError("expected a token signed by the portal's own identity provider, got another signature")
    return _object(parts[1])


def is_signed(message: bytes, signature: bytes, modulus: int, exponent: int) -> bool:
    """Return whether a message has this RSASSA-PKCS1-v1_5 signature with SHA-256 (RFC 8017, section 8.2.2)."""
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if len(signature) != size or number >= modulus:
        return False
    info = _SHA256_INFO + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(info) - 3) + b"\x00" + info
    return hmac.compare_digest(pow(number, exponent, modulus).to_bytes(size), expected)


def _public_key(keys: Mapping[str, Any], name: Any) -> tuple[int, int]:
    entries = keys.get("keys")
    entries = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    matching = [entry for entry in entries if isinstance(name, str) and entry.get("kid") == name]
    if len(matching) != 1:
        raise TokenError(f"expected one key of the provider with the token's key id, got {len(matching)}")
    (key,) = matching
    if key.get("kty") != "RSA" or key.get("alg", "RS256") != "RS256" or key.get("use", "sig") != "sig":
        raise TokenError("expected an RSA key for signatures with RS256, got a key of another kind")
    try:
        modulus, exponent = (int.from_bytes(base64url(str(key.get(part)))) for part in ("n", "e"))
    except ValueError as error:
        raise TokenError("expected an RSA key's numbers in base64url, got something else") from error
    if modulus.bit_length() < LEAST_BITS or exponent < 3 or not exponent & 1 or not modulus & 1:
        raise TokenError(f"expected an RSA key of at least {LEAST_BITS} bits, got a weaker one")
    return modulus, exponent


def _object(text: str) -> dict[str, Any]:
    try:
        value = decode(base64url(text))
    except (ValueError, JsonError) as error:
        raise TokenError("expected a part of the token to be JSON in base64url, got something else") from error
    if not isinstance(value, dict):
        raise TokenError("expected a part of the token to be a JSON object, got something else")
    return value


def _time(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenError(f"expected the token's {name} to be a number, got something else")
    return value


def _text(value: Any) -> str:
    return value.strip()[:LONGEST_NAME] if isinstance(value, str) else ""
