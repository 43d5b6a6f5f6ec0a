"""An OpenID Connect provider on this machine whose tokens joserfc signs, and which can fail in every way."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import RSAKey

from truepoint.web.identity import Provider
from truepoint.web.sessions import challenge

CLIENT = "portal"
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "two", "use": "sig"})


@dataclass
class IdentityProvider:
    """What the provider knows and does.

    Attributes:
        keys: the keys it publishes; the first one signs.
        claims: of the next tokens, over the usual ones.
        answers: raw responses by path, in place of the usual ones.
        requests: paths and forms that were asked for.
    """

    url: str
    now: float
    keys: list[RSAKey] = field(default_factory=lambda: [KEY])
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    slow: float = 0.0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def provider(self) -> Provider:
        return Provider(
            issuer=self.url,
            client_id=CLIENT,
            authorize_url=f"{self.url}/oauth2/authorize",
            token_url=f"{self.url}/oauth2/token",
            keys_url=f"{self.url}/jwks.json",
            logout_url=f"{self.url}/logout",
        )

    def consent(self, location: str) -> dict[str, str]:
        """Sign somebody in at the address that the portal sends browsers to; return the query of the way back."""
        query = {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def asked(self, path: str) -> int:
        return sum(asked == path for asked, _ in self.requests)

    def response(self, path: str, form: dict[str, str]) -> bytes:
        self.requests.append((path, form))
        if path in self.answers:
            return self.answers[path]
        if path == "/jwks.json":
            return ok({"keys": [key.as_dict(private=False) for key in self.keys]})
        begun = self._codes.pop(form.get("code", ""), None)  # a code counts once
        if (
            begun is None
            or form["client_id"] != CLIENT
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != begun["redirect_uri"]
            or challenge(form["code_verifier"]) != begun["code_challenge"]
        ):
            return ok({"error": "invalid_grant"}, "400 Bad Request")
        return ok({"id_token": self.token(begun["nonce"]), "access_token": "x", "token_type": "Bearer"})

    def token(self, nonce: str) -> str:
        claims = {
            "iss": self.url, "aud": CLIENT, "sub": "7d1f2c", "exp": self.now + 3600, "iat": self.now, "nonce": nonce,
            "token_use": "id", "email": "ada@example.com", "name": "Ada", "cognito:groups": [],
        }  # fmt: skip
        key = self.keys[0]
        header = {"alg": "RS256", "kid": key.kid}
        return jws.serialize_compact(header, json.dumps(claims | self.claims).encode(), key, algorithms=["RS256"])


def ok(value: Any, status: str = "200 OK") -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def identity_provider(now: float) -> Iterator[IdentityProvider]:
    provider = IdentityProvider("", now)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            form = {name: value for name, (value,) in parse_qs(self.rfile.read(length).decode()).items()}
            answer = provider.response(self.path, form)
            for piece in [bytes([byte]) for byte in answer] if provider.slow else [answer]:
                self.wfile.write(piece)
                time.sleep(provider.slow)
            self.close_connection = True

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: Any) -> None:
            pass

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return  # the portal did not want to hear more

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
