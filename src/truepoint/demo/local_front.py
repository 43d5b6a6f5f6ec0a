"""A proxy in front of the emulated portal. It adds what the emulator lacks: CloudFront's signature, and sign-in pages.

On AWS, CloudFront signs each request for the portal's function (origin access control), and people sign in on Cognito's
own pages. The emulator's CloudFront signs nothing, and its services refuse unsigned requests. This proxy signs in
CloudFront's place and passes everything else on: the function, its role, the table and the user pool are those of the
deployed stack, with IAM enforced.

It also signs demo users in by one click. It sets their password in the emulated user pool. This needs the root
credentials of the emulator on this machine; the deployed product has no such route.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from collections.abc import Mapping
from html import escape
from urllib.parse import parse_qs, parse_qsl, quote, unquote, urlencode

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from truepoint.demo.deployed_portal import TOKEN_PATH, DeployedPortal
from truepoint.demo.guard import Guard
from truepoint.emulator.emulator import HOST, REGION, Emulator
from truepoint.emulator.emulator_gate import TOKEN_HEADER
from truepoint.web.sessions import SESSION, Cookies
from truepoint.web.sign_in import HOME

FIRST_PAGE = "/demo"
"""Path of the address that the demo prints. The deployed portal has no such path."""
HASH_HEADER = "x-amz-content-sha256"
WRITING = ("POST", "PUT", "PATCH", "DELETE")
NOT_FORWARDED = frozenset(
    {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "te", "trailer",
     "accept-encoding", "authorization", "x-amz-date", "x-amz-security-token", TOKEN_HEADER}
)  # fmt: skip
"""Headers that are not forwarded: those of one connection, and those of signatures, which the proxy replaces as
CloudFront does ("Signing behavior: always")."""
NOT_RETURNED = NOT_FORWARDED | {"content-encoding"}
PAGES = re.compile(r"/(?:portal(?:/.*)?|ui/.*)?")
SECONDS = 40
"""Time for a request to the emulator, in seconds: more than the function has."""


class LocalFront:
    """The proxy.

    Args:
        emulator: running, with this front's origin among its `origins`.
        portal: the deployed portal.
        port: of this front, on loopback.
    """

    def __init__(self, emulator: Emulator, portal: DeployedPortal, port: int) -> None:
        self._emulator = emulator
        self._portal = portal
        self._http = urllib3.PoolManager(num_pools=2, maxsize=64, retries=False, timeout=SECONDS)
        self._cognito = emulator.session().client("cognito-idp", endpoint_url=emulator.endpoint)
        keys = f"/{portal.user_pool}/.well-known/jwks.json"
        routes = [
            Route("/demo/sign-in", self._one_click, methods=["POST"]),
            Route("/oauth2/authorize", self._user_list),
            Route("/login", self._sign_in_page, methods=["POST"]),
            Route("/logout", self._sign_in_page),
            Route(keys, self._sign_in_page),
            Route(FIRST_PAGE, self._first_page),
            Route("/api/{path:path}", self._api, methods=["GET", "HEAD", "OPTIONS", *WRITING]),
            Route("/{path:path}", self._page),
        ]
        hosts = frozenset({f"{HOST}:{port}"})
        token = Starlette(routes=[Route(TOKEN_PATH, self._sign_in_page, methods=["POST"])])
        guarded = Guard(Starlette(routes=routes), hosts)
        self.application = _TokenRouter(token, guarded, hosts)
        """The ASGI application."""

    def _first_page(self, request: Request) -> Response:
        """Lead to the portal's page, or, without a session, straight to the page on which one click signs in."""
        has_session = Cookies(secure=False).name(SESSION) in request.cookies
        return RedirectResponse(HOME if has_session else "/api/sign-in", 302)

    async def _api(self, request: Request) -> Response:
        """Sign a request and pass it to the function URL, as CloudFront does."""
        target = _target(request)
        if not _is_plain(target):
            return JSONResponse({"message": "There is nothing at this address."}, 404)
        body = await _body(request)
        claimed = request.headers.get(HASH_HEADER)
        actual = hashlib.sha256(body).hexdigest()
        # CloudFront signs the hash that the viewer sends; Lambda refuses an unsigned payload.
        if claimed != actual and (claimed is not None or request.method in WRITING):
            reason = "The request signature we calculated does not match the signature you provided."
            return JSONResponse({"message": reason}, 403)
        headers = {name: value for name, value in request.headers.items() if name not in NOT_FORWARDED}
        headers[HASH_HEADER] = actual
        target = f"/_aws/lambda-url/{self._portal.function_url_id}{target}"
        return await run_in_threadpool(self._forward_signed, "lambda", request.method, target, headers, body)

    async def _page(self, request: Request) -> Response:
        """Read a file of the distribution. Only its content policy is changed: links lead into the emulator."""
        path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
        if not PAGES.fullmatch(path) or "%" in path or ".." in path:
            return JSONResponse({"message": "There is nothing at this address."}, 404)
        headers = {"host": self._portal.domain, TOKEN_HEADER: self._emulator.secrets.token}

        def read() -> Response:
            answer = _response(
                self._http.request("GET", self._emulator.endpoint + path, headers=headers, redirect=False)
            )
            if policy := answer.headers.get("content-security-policy"):
                links = f"https://s3.{REGION}.amazonaws.com"
                answer.headers["content-security-policy"] = policy.replace(links, self._emulator.endpoint)
            return answer

        return await run_in_threadpool(read)

    async def _sign_in_page(self, request: Request) -> Response:
        """Pass a request to the emulated Cognito."""
        body = await _body(request)
        headers = {"content-type": value} if (value := request.headers.get("content-type")) else {}
        return await run_in_threadpool(self._to_cognito, request.method, _target(request), headers, body)

    async def _user_list(self, request: Request) -> Response:
        """Show the users, one button each: nobody has a password."""
        users = await run_in_threadpool(self._users)
        return HTMLResponse(_user_list_page(request.url.query, users), headers=USER_LIST_HEADERS)

    async def _one_click(self, request: Request) -> Response:
        """Sign a user in on Cognito's own form, with a password that this proxy has just set."""
        form = {name: value for name, (value, *_) in parse_qs((await _body(request)).decode()).items()}
        return await run_in_threadpool(self._signed_in, form)

    def _signed_in(self, form: Mapping[str, str]) -> Response:
        query = {name: value for name, (value, *_) in parse_qs(form.get("query", "")).items()}
        if query.get("client_id") != self._portal.client_id or form.get("user") not in self._users().values():
            return JSONResponse({"message": "Expected a user of the demo."}, 400)
        password = "Aa1" + "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(29))
        self._cognito.admin_set_user_password(
            UserPoolId=self._portal.user_pool, Username=form["user"], Password=password, Permanent=True
        )
        body = urlencode(query | {"username": form["user"], "password": password}).encode()
        return self._to_cognito("POST", "/login", {"content-type": "application/x-www-form-urlencoded"}, body)

    def _users(self) -> dict[str, str]:
        """Names of user accounts by what they are shown as."""
        users = {}
        for page in self._cognito.get_paginator("list_users").paginate(UserPoolId=self._portal.user_pool):
            for user in page["Users"]:
                about = {attribute["Name"]: attribute["Value"] for attribute in user["Attributes"]}
                users[about.get("name") or about.get("email") or user["Username"]] = user["Username"]
        return users

    def _to_cognito(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Response:
        return self._forward_signed("cognito-idp", method, target, headers, body)

    def _forward_signed(
        self, service: str, method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        url = self._emulator.endpoint + target
        root = self._emulator.secrets
        request = AWSRequest(method=method, url=url, data=body, headers=dict(headers))
        SigV4Auth(Credentials(root.access_key_id, root.secret_access_key), service, REGION).add_auth(request)
        answer = self._http.request(
            method, url, body=body or None, headers=dict(request.headers.items()), redirect=False, decode_content=True
        )
        return _response(answer)


class _TokenRouter:
    """Sends requests for tokens, which no browser makes, past the guard of browsers' requests."""

    def __init__(self, token: ASGIApp, guarded: ASGIApp, hosts: frozenset[str]) -> None:
        self._token = token
        self._guarded = guarded
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        names = {name for name, _ in scope.get("headers", ())}
        host = dict(scope.get("headers", ())).get(b"host", b"").decode("latin-1")
        from_a_page = {b"origin", b"sec-fetch-site"} & names
        is_token = scope["type"] == "http" and scope["path"] == TOKEN_PATH and host in self._hosts and not from_a_page
        await (self._token if is_token else self._guarded)(scope, receive, send)


USER_LIST_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "same-origin",
}


def _user_list_page(query: str, users: Mapping[str, str]) -> str:
    buttons = "".join(
        f'<button name="user" value="{escape(name)}">{escape(shown)}</button>' for shown, name in users.items()
    )
    return f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Sign in to the demo</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{ color-scheme: light dark; font: 1.1rem/1.5 system-ui, sans-serif }}
main {{ max-width: 22rem; margin: 15vh auto; padding: 0 1rem }} h1 {{ font-size: 1.4rem }}
button {{ display: block; width: 100%; min-height: 48px; margin: 0.5rem 0; font: inherit }}</style>
<main><h1>Who are you?</h1><p>On AWS, your team's own sign-in page is here. This one exists on this computer only.</p>
<form method="post" action="/demo/sign-in"><input type="hidden" name="query" value="{escape(query)}">{buttons}</form>
</main>
"""


async def _body(request: Request) -> bytes:
    try:
        return await request.body()
    except ClientDisconnect:  # it was longer than the guard lets through
        return b""


def _target(request: Request) -> str:
    """Return path and query, the query encoded as signatures want it."""
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    pairs = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return f"{path}?{urlencode(pairs, quote_via=quote, safe='')}" if pairs else path


def _is_plain(target: str) -> bool:
    """Return whether the path has no dot segment, which would lead to another API of the emulator."""
    return not {".", ".."}.intersection(re.split(r"[/\\]", unquote(target.partition("?")[0])))


def _response(answer: urllib3.BaseHTTPResponse) -> Response:
    response = Response(answer.data, answer.status)
    kept = [(name.lower(), value) for name, value in answer.headers.items() if name.lower() not in NOT_RETURNED]
    response.raw_headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in kept]
    return response
