"""The identity provider's tokens: forged, foreign, expired and replayed ones are refused."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from truepoint.web import identity, sessions
from truepoint.web.identity import Identity, Provider, TokenError
from truepoint.web.sessions import base64url

NOW = 1_700_000_000.0
NONCE = "n" * 43
PROVIDER = Provider(
    issuer="https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example",
    client_id="portal",
    authorize_url="https://example.auth.eu-west-1.amazoncognito.com/oauth2/authorize",
    token_url="https://example.auth.eu-west-1.amazoncognito.com/oauth2/token",
    keys_url="https://example.com/jwks.json",
    logout_url="https://example.com/logout",
)
OWN = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
FOREIGN = RSAKey.generate_key(2048, {"kid": "one"})
KEYS: dict[str, Any] = {"keys": [OWN.as_dict(private=False)]}
CLAIMS: dict[str, Any] = {
    "iss": PROVIDER.issuer,
    "aud": "portal",
    "sub": "7d1f2c",
    "exp": NOW + 3600,
    "iat": NOW - 5,
    "nonce": NONCE,
    "token_use": "id",
    "email": "ada@example.com",
    "cognito:groups": ["labelers"],
}


def signed(claims: dict[str, Any], key: RSAKey = OWN, **header: Any) -> str:
    """A token by an implementation that is not ours."""
    protected = {"alg": "RS256", "kid": "one"} | header
    return jws.serialize_compact(protected, json.dumps(claims).encode(), key, algorithms=["RS256", "RS384"])


def verify(token: str, keys: dict[str, Any] | None = None, now: float = NOW) -> Identity:
    return identity.verify(token, KEYS if keys is None else keys, PROVIDER, NONCE, now)


def test_a_token_names_a_person() -> None:
    person = verify(signed(CLAIMS))
    assert person == Identity(
        id=identity.pseudonym(PROVIDER.issuer, "7d1f2c"), name="ada", email="ada@example.com", lead=False
    )
    assert "7d1f2c" not in person.id
    assert len(person.id) == 20


def test_a_lead_is_in_the_group_of_leads() -> None:
    person = verify(signed(CLAIMS | {"cognito:groups": ["x", "leads"], "name": "Ada L."}))
    assert (person.lead, person.name) == (True, "Ada L.")
    assert not verify(signed(CLAIMS | {"cognito:groups": "leads"})).lead  # no list


def test_persons_of_other_issuers_have_other_pseudonyms() -> None:
    assert len({identity.pseudonym(issuer, sub) for issuer in "ab" for sub in "cd"}) == 4


def test_a_list_of_audiences_needs_the_authorised_party() -> None:
    both = CLAIMS | {"aud": ["portal", "other"]}
    assert verify(signed(both | {"azp": "portal"}))
    assert verify(signed(CLAIMS | {"aud": ["portal"]}))
    for claims in (both, both | {"azp": "other"}, CLAIMS | {"aud": []}):
        with pytest.raises(TokenError, match="another client"):
            verify(signed(claims))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"iss": PROVIDER.issuer + "2"}, "issuer"),
        ({"iss": None}, "issuer"),
        ({"aud": "another"}, "another client"),
        ({"aud": None}, "another client"),
        ({"token_use": "access"}, "another use"),
        ({"exp": NOW - 60}, "expired"),
        ({"exp": str(NOW + 60)}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": None}, "exp"),
        ({"iat": NOW + 61}, "future"),
        ({"iat": None}, "iat"),
        ({"nonce": "m" * 43}, "another"),
        ({"nonce": None}, "another"),
        ({"nonce": "\ud800"}, "another|JSON"),
        ({"sub": ""}, "subject"),
        ({"sub": 7}, "subject"),
        ({"sub": "x" * 256}, "subject"),
    ],
)
def test_claims_of_others_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(TokenError, match=said) as refused:
        verify(signed(CLAIMS | change))
    assert "7d1f2c" not in str(refused.value)


def test_clocks_may_differ_by_a_minute() -> None:
    assert verify(signed(CLAIMS | {"exp": NOW - 59}))
    assert verify(signed(CLAIMS | {"iat": NOW + 59}))


def test_another_key_is_refused() -> None:
    with pytest.raises(TokenError, match="another signature"):
        verify(signed(CLAIMS, FOREIGN))


def test_a_changed_part_is_refused() -> None:
    head, body, signature = signed(CLAIMS).split(".")
    other = signed(CLAIMS | {"cognito:groups": ["leads"]}).split(".")[1]
    for token in (f"{head}.{other}.{signature}", f"{head}.{body}.{signature[:-8]}AAAAAAAA", f"{head}.{body}."):
        with pytest.raises(TokenError, match="another signature"):
            verify(token)


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "RS384"}, {"crit": ["exp"]}, {}])
def test_other_algorithms_are_refused(header: dict[str, Any]) -> None:
    made = urlsafe_b64encode(json.dumps({"kid": "one"} | header).encode()).decode().rstrip("=")
    _, body, signature = signed(CLAIMS).split(".")
    with pytest.raises(TokenError, match="RS256"):
        verify(f"{made}.{body}.{signature}")


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "....", "é.é.é", "W10.W10.W10", "x" * 20000])
def test_an_invalid_token_is_refused(token: str) -> None:
    with pytest.raises(TokenError):
        verify(token)
    assert identity.key_id(token) == ""


def test_the_key_in_the_header_is_not_trusted() -> None:
    token = signed(CLAIMS, FOREIGN, jwk=FOREIGN.as_dict(private=False))
    with pytest.raises(TokenError, match="another signature"):
        verify(token)


def key(**change: Any) -> dict[str, Any]:
    return OWN.as_dict(private=False) | change


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"keys": []},
        {"keys": "one"},
        {"keys": [key(kid="two")]},
        {"keys": [key(), key()]},
        {"keys": [key(kty="EC")]},
        {"keys": [key(use="enc")]},
        {"keys": [key(alg="RS512")]},
        {"keys": [key(e="AQ")]},
        {"keys": [key(n="AQAB")]},
        {"keys": [key(n="+++")]},
        {"keys": [key(n=None)]},
    ],
)
def test_unusable_keys_are_refused(keys: dict[str, Any]) -> None:
    with pytest.raises(TokenError):
        verify(signed(CLAIMS), keys)


def test_the_example_of_rfc_7515() -> None:
    """Appendix A.2: a signature made by others, and the same with one bit changed."""
    message = (
        b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        b"cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
    )
    modulus = (
        "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZ"
        "S-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2"
        "R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcD"
        "TW9gb54h4FRWyuXpoQ"
    )
    signature = bytearray(
        base64url(
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
            "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
            "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
            "cN_IoypGlUPQGe77Rw"
        )
    )
    n = int.from_bytes(base64url(modulus))
    assert identity.is_signed(message, bytes(signature), n, 65537)
    assert not identity.is_signed(message + b"0", bytes(signature), n, 65537)
    assert not identity.is_signed(message, bytes(signature) + b"\0", n, 65537)
    assert not identity.is_signed(message, (int.from_bytes(signature) + n).to_bytes(257), n, 65537)
    signature[100] ^= 1
    assert not identity.is_signed(message, bytes(signature), n, 65537)


def test_the_sign_in_address_asks_for_a_code_with_pkce() -> None:
    begun = sessions.begin_sign_in("/portal/", NOW)
    url = urlsplit(identity.authorization_url(PROVIDER, begun, "https://portal.example/api/signed-in"))
    query = {name: value for name, (value,) in parse_qs(url.query).items()}
    assert url.netloc == "example.auth.eu-west-1.amazoncognito.com"
    assert query["state"] == begun.state
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "https://portal.example/api/signed-in"
    assert begun.verifier not in url.query


def test_the_challenge_of_rfc_7636() -> None:
    """Appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert sessions.challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
