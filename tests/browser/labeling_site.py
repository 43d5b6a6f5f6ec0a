"""The portal on this machine: its built page, the application's code in this process, the emulator's S3 and DynamoDB.

CloudFront's part is played as far as the page notices it: one origin, the content security policy of the template, and
no write without the digest of its body. The identity provider's part is one page with a link a person.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

import boto3
import msgspec
import pytest
from driver import ROOT

import pre_annotation
from portal_jobs import line, put_description, put_manifest, put_template
from truepoint.adapters.bucket import Bucket
from truepoint.adapters.user_pool import LABELERS, LEADS, UserPool
from truepoint.emulator.emulator import Emulator
from truepoint.keys import job_keys
from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Person, Worker
from truepoint.task_queue.table import Action, Table
from truepoint.tasks import loading
from truepoint.web import sessions
from truepoint.web.application import respond
from truepoint.web.leads import LeadRoutes
from truepoint.web.people import People
from truepoint.web.routes import Router
from truepoint.web.sessions import SESSION, Cookies, KeyStore, Session
from truepoint.web.workers import WorkerRoutes

DIST = ROOT / "src/ui/dist"
EMULATOR_PYTHON = ROOT / ".venv-emulator/bin/python"
PEOPLE = {"Ada": "p" + "a" * 19, "Bea": "p" + "b" * 19, "Lea": "p" + "l" * 19}
"""Pseudonyms by name. Lea is a lead."""
KINDS = {".html": "text/html; charset=UTF-8", ".js": "application/javascript; charset=UTF-8", ".css": "text/css"}


class Answered(NamedTuple):
    """A request to the application, and the status that it got."""

    method: str
    path: str
    body: Any
    status: int


class PortalSite:
    """A server on loopback.

    Attributes:
        failing: patterns of `METHOD /path`, the status that such requests get instead, and how many of them.
        slow: seconds that each request to the application takes longer.
        ahead: seconds by which the server's clock is ahead.
        signs_in: who signs in without being asked, as somebody whom the identity provider remembers.
    """

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        session = emulator.session()
        name = f"portal-{uuid.uuid4().hex[:8]}"
        self.s3 = session.client("s3", endpoint_url=emulator.endpoint)
        self.s3.create_bucket(Bucket=name)
        session.client("dynamodb", endpoint_url=emulator.endpoint).create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
        )
        self.bucket, self.table = Bucket(name), Table(name)
        self.users = UserPool(_user_pool(emulator))
        self.cookies = Cookies(secure=False)
        self.failing: list[list[Any]] = []
        self.slow = 0.0
        self.ahead = 0.0
        self.signs_in = ""
        self.asked: list[Answered] = []
        self.reports: list[str] = []
        self.server = self._serve()
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.keys = KeyStore(self.table)
        self._router()
        for who, pseudonym in PEOPLE.items():
            person = Person(name=who, email=f"{who.lower()}@example.com", lead=who == "Lea")
            self.put(rows.person_key(pseudonym), person)

    def _router(self) -> None:
        people = People(self.table, self.keys, self.cookies, self.now)
        workers = WorkerRoutes(self.bucket, self.table, self._prepare, self.now)
        leads = LeadRoutes(self.bucket, self.table, issuer="https://idp.example", users=self.users, now=self.now)
        self.router = Router([*workers.routes(), *leads.routes()], self.origin, people.identify)

    def now(self) -> float:
        return time.time() + self.ahead

    def _prepare(self, _arn: str, event: Any) -> Any:
        return pre_annotation.handler(json.loads(json.dumps(event)), None)

    # -- what tests arrange

    def put(self, key: rows.Key, row: Any) -> None:
        self.table.write(Action(*key, put=msgspec.to_builtins(row)))

    def add_job(
        self,
        name: str,
        images: list[Path],
        *,
        workers: int = 1,
        instructions: str = "<p>Mark everybody whose head is visible.</p>",
        gold: tuple[str, ...] = (),
        created: str = "",
        **fields: Any,
    ) -> None:
        """Create and load a job, as create_labeling_job.py and the function that runs every minute would."""
        job = name.lower()
        lines = [line(self.bucket.name, f"{n}{image.suffix}", job, **fields) for n, image in enumerate(images)]
        for n, image in enumerate(images):
            kind = "image/png" if image.suffix == ".png" else "image/jpeg"
            self.bucket.write(f"jobs/{job}/images/{n}{image.suffix}", image.read_bytes(), kind)
        put_manifest(self.bucket, b"\n".join(lines) + b"\n", job)
        put_template(self.bucket, job, instructions)
        if gold:
            text = json.dumps({image: [] for image in gold}).encode()
            self.bucket.write(f"jobs/{job}/gold.json", text, "application/json")
        created = created or _iso(time.time() - 3600)
        document = put_description(self.bucket, name, workers=workers, CreationTime=created)
        loading.load(self.bucket, self.table, document)

    def job(self, name: str) -> Job:
        key = rows.job_key(name.lower())
        row: Job = rows.read(self.table.get([key])[key], Job)
        return row

    def worker(self, name: str, who: str) -> Worker:
        key = rows.worker_key(name.lower(), PEOPLE[who])
        row: Worker = rows.read(self.table.get([key]).get(key), Worker)
        return row

    def change_job(self, name: str, **fields: Any) -> None:
        self.put(rows.job_key(name.lower()), msgspec.structs.replace(self.job(name), **fields))

    def change_worker(self, name: str, who: str, **fields: Any) -> None:
        row = msgspec.structs.replace(self.worker(name, who), **fields)
        self.put(rows.worker_key(name.lower(), PEOPLE[who]), row)

    def add_skip(self, name: str, number: int, who: str, reason: str, note: str = "") -> None:
        skip = {"line": number, "worker": PEOPLE[who], "reason": reason, "note": note, "time": self.now() - 600}
        self.table.write(Action(*rows.skip_key(name.lower(), number, PEOPLE[who]), put=skip))

    def end_job(self, name: str, results: Mapping[str, str] | None = None) -> None:
        """End a job, with these files of results, as the functions after it do."""
        keys = job_keys(name)
        text = self.bucket.read(keys.labeling_job, largest=1 << 20)
        ended = json.dumps(json.loads(text) | {"LabelingJobStatus": "Stopped"}).encode()
        self.bucket.write(keys.labeling_job, ended, "application/json")
        self.change_job(name, status="Stopped")
        for file in (results or {}).values():
            self.bucket.write(f"{keys.results}{file}", b"<p>report</p>", "text/html")
        if results:
            self.bucket.write(keys.results_marker, json.dumps({"files": dict(results)}).encode(), "application/json")

    def close_image(self, name: str, number: int) -> None:
        """Give an image its label, as consolidation does."""
        key = rows.image_key(name.lower(), number)
        image = rows.read(self.table.get([key])[key], rows.Image)
        self.put(key, msgspec.structs.replace(image, label="response.json"))

    def answers(self, name: str) -> dict[tuple[int, str], dict[str, Any]]:
        """Return the answers that count, by line and person."""
        found = {}
        partitions = {rows.image_key(name.lower(), number).pk for number in range(0, 3000, 1000)}
        for partition in partitions:
            for row in self.table.query(partition):
                image = rows.read(row, rows.Image)
                for worker, done in image.done.items():
                    who = next(who for who, pseudonym in PEOPLE.items() if pseudonym == worker)
                    document = json.loads(self.bucket.read(done.key, largest=1 << 24))
                    (answer,) = document["answers"]
                    found[int(row["sk"]), who] = answer["answerContent"]
        return found

    def cookie(self, who: str, seconds: float = 3600) -> str:
        expires = int(self.now() + seconds)
        return sessions.seal(self.keys.keys(self.now()), SESSION, Session(PEOPLE[who], expires))

    def end_sessions(self) -> None:
        """Sign everybody out: nobody knows the keys of their cookies any more."""
        self.table.write(Action(*sessions.KEYS))
        self.keys = KeyStore(self.table)
        self._router()

    def fail(self, pattern: str, status: int, times: int = 1) -> None:
        self.failing.append([re.compile(pattern), status, times])

    def sent(self, pattern: str) -> list[Answered]:
        return [one for one in self.asked if re.search(pattern, f"{one.method} {one.path}")]

    # -- serving

    def _serve(self) -> ThreadingHTTPServer:
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                """Nothing."""

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(site.now() if timestamp is None else timestamp)

            def answer(self, status: int, body: bytes, headers: list[tuple[str, str]]) -> None:
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def run(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                body = self.rfile.read(length)
                path = urlsplit(self.path).path
                if path in ("/api/sign-in", "/api/sign-out"):
                    self.answer(*site.sign_in(path, parse_qs(urlsplit(self.path).query)))
                elif path.startswith("/api/"):
                    self.answer(*site.run(self.command, self.path, dict(self.headers.items()), body))
                else:
                    self.answer(*site.file(path))

            do_GET = do_POST = do_PUT = do_DELETE = run  # noqa: N815

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def run(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, list[tuple[str, str]]]:
        time.sleep(self.slow)
        parts = urlsplit(target)
        headers = {name.lower(): value for name, value in headers.items()}
        failure = next((f for f in self.failing if f[2] > 0 and f[0].search(f"{method} {parts.path}")), None)
        value = json.loads(body) if body else None
        if failure:
            failure[2] -= 1
            self.asked.append(Answered(method, parts.path, value, failure[1]))
            return failure[1], b"<html>", [("Content-Type", "text/html")]
        if method != "GET" and headers.get("x-amz-content-sha256") != hashlib.sha256(body).hexdigest():
            self.asked.append(Answered(method, parts.path, value, 403))
            return 403, b"The request signature we calculated does not match", [("Content-Type", "text/plain")]
        event = {
            "rawPath": parts.path,
            "rawQueryString": parts.query,
            "requestContext": {"http": {"method": method}},
            "headers": headers,
            "body": body.decode(),
        }
        made = respond(self.router, event, lambda said, error: self.reports.append(f"{said}: {error!r}"))
        self.asked.append(Answered(method, parts.path, value, made["statusCode"]))
        cookies = [("Set-Cookie", cookie) for cookie in made["cookies"]]
        return made["statusCode"], made["body"].encode(), [*made["headers"].items(), *cookies]

    def sign_in(self, path: str, query: dict[str, list[str]]) -> tuple[int, bytes, list[tuple[str, str]]]:
        if path == "/api/sign-out":
            gone = self.cookies.set(self.cookies.name(SESSION), "", 0)
            body = json.dumps({"location": "/portal/index.html"}).encode()
            return 200, body, [("Content-Type", "application/json"), ("Set-Cookie", gone)]
        target = query.get("return", ["/portal/index.html"])[0]
        who = query.get("as", [self.signs_in])[0]
        if who not in PEOPLE:
            links = "".join(f'<p><a href="?as={who}&return={quote(target)}">{who}</a>' for who in PEOPLE)
            return 200, f"<!doctype html><title>Sign in</title>{links}".encode(), [("Content-Type", KINDS[".html"])]
        cookie = self.cookies.set(self.cookies.name(SESSION), self.cookie(who), 3600)
        return 302, b"", [("Location", target), ("Set-Cookie", cookie)]

    def file(self, path: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        file = next((folder / name for folder, name in self._places(unquote(path)) if (folder / name).is_file()), None)
        if file is None:
            return 404, b"", []
        headers = [("Content-Type", KINDS[file.suffix]), ("X-Content-Type-Options", "nosniff")]
        if path.startswith("/portal/"):
            headers += [("Content-Security-Policy", self.policy), ("Cache-Control", "no-store")]
        else:
            headers += [("Access-Control-Allow-Origin", "*"), ("Cache-Control", "max-age=600")]
        return 200, file.read_bytes(), headers

    @staticmethod
    def _places(path: str) -> Iterator[tuple[Path, str]]:
        """Yield where publisher.py would have put a file, as places in dist/."""
        for pattern, folder in (
            (r"/portal/(index\.html)", DIST / "portal"),
            (r"/portal/[0-9a-f]{16}/(portal\.\w+)", DIST / "portal"),
            (r"/ui/[0-9a-f]{16}/(crowd-2d-skeleton[.\w]*\.js)", DIST),
            (r"/ui/guide/[0-9a-f]{16}/(labeler-guide\.html)", DIST),
        ):
            if match := re.fullmatch(pattern, path):
                yield folder, match[1]

    @property
    def policy(self) -> str:
        """The template's content security policy, and the emulator's S3 besides."""
        s3 = self.emulator.endpoint
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            f"img-src 'self' https: data: blob: {s3}; connect-src 'self' https: {s3}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _user_pool(emulator: Emulator) -> str:
    client = emulator.session().client("cognito-idp", endpoint_url=emulator.endpoint)
    only = {"AllowAdminCreateUserOnly": True}
    pool = client.create_user_pool(PoolName="people", UsernameAttributes=["email"], AdminCreateUserConfig=only)
    for group in (LEADS, LABELERS):
        client.create_group(UserPoolId=pool["UserPool"]["Id"], GroupName=group)
    return str(pool["UserPool"]["Id"])


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime(seconds))


@contextmanager
def running(folder: Path) -> Iterator[Callable[[], PortalSite]]:
    """An emulator; yields what makes a site of its own with a table and a bucket of its own."""
    sites: list[PortalSite] = []
    with Emulator(EMULATOR_PYTHON, folder) as emulator, pytest.MonkeyPatch.context() as patch:
        for name, value in emulator.environment().items():
            if name.startswith("AWS_"):
                patch.setenv(name, value)
        for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        patch.setattr(boto3, "DEFAULT_SESSION", None)

        def make() -> PortalSite:
            sites.append(PortalSite(emulator))
            return sites[-1]

        yield make
        for site in sites:
            site.close()
