"""The portal's whole route table in this process, asked as a function URL asks it, as anybody."""

from __future__ import annotations

import json
from typing import Any

import msgspec

import pre_annotation
from portal_jobs import NOW
from truepoint.adapters.bucket import Bucket
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Person
from truepoint.task_queue.table import Action, Table
from truepoint.web import sessions
from truepoint.web.application import respond
from truepoint.web.assembly import portal_router
from truepoint.web.identity import Provider
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session
from truepoint.web.settings import PortalSettings

ORIGIN = "https://portal.example"
ADA, BEA, LEA, OUT = ("p" + letter * 19 for letter in "abcd")
ANSWER = {"content": {"updated_annotations": "[]"}, "seconds": 12}
SKIP = {"reason": "unusable", "note": "dark"}
ISSUER = "https://issuer.example"
PROVIDER = Provider(
    issuer=ISSUER,
    client_id="portal",
    authorize_url=f"{ISSUER}/authorize",
    token_url=f"{ISSUER}/token",
    keys_url=f"{ISSUER}/keys",
    logout_url=f"{ISSUER}/logout",
)


def prepare(_arn: str, event: Any) -> Any:
    return pre_annotation.handler(json.loads(json.dumps(event)), None)


class PortalRequests:
    """Ada and Bea label, Lea leads, and the fourth has signed in, nothing more."""

    def __init__(self, bucket: Bucket, table: Table, user_pool: str = "") -> None:
        self.now = NOW
        self.bucket, self.table = bucket, table
        self.settings = PortalSettings(origin=ORIGIN, provider=PROVIDER, user_pool=user_pool)
        self.keys, self.cookies = KeyStore(table), Cookies(secure=True)
        self.reports: list[str] = []
        self.router = portal_router(self.settings, bucket, table, prepare, now=lambda: self.now)
        for who in (ADA, BEA, LEA, OUT):
            self.put(rows.person_key(who), Person(name=who[1].upper(), lead=who == LEA, signed_in=NOW))

    def put(self, key: rows.Key, row: Any) -> None:
        self.table.write(Action(*key, put=msgspec.to_builtins(row)))

    def cookie(self, who: str, expires: float = NOW + 36000) -> str:
        value = sessions.seal(self.keys.keys(self.now), SESSION, Session(who, int(expires)))
        return f"{self.cookies.name(SESSION)}={value}"

    def event(self, method: str, path: str, body: Any, cookies: list[str], headers: dict[str, str]) -> dict[str, Any]:
        return {
            "rawPath": path,
            "requestContext": {"http": {"method": method}},
            "headers": {"origin": ORIGIN, "content-type": "application/json"} | headers,
            "cookies": cookies,
            "body": None if body is None else json.dumps(body),
        }

    def made(self, event: Any) -> dict[str, Any]:
        return respond(self.router, event, lambda said, error: self.reports.append(f"{said}: {error!r}"))

    def send(
        self, method: str, path: str, body: Any = None, who: str | None = ADA, cookie: str = "", **headers: str
    ) -> tuple[int, Any]:
        cookies = [cookie or self.cookie(who or "")] if cookie or who else []
        if path.startswith("/api/lead/") and method != "GET":
            self.now += 1  # the log has an order
        made = self.made(self.event(method, path, body, cookies, headers))
        return made["statusCode"], json.loads(made["body"]) if made["body"] else {}

    def code(self, *arguments: Any, **options: Any) -> tuple[int, str]:
        status, body = self.send(*arguments, **options)
        return status, body["error"]["code"]

    def take(self, who: str = ADA, job: str = "people-1") -> list[dict[str, Any]]:
        status, body = self.send("POST", f"/api/jobs/{job}/tasks", {}, who)
        assert status == 200, body
        return list(body["tasks"])
