"""The portal's web pages for one job: home, tasks and results. `guard.py` refuses all foreign requests."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs

import urllib3
from botocore.exceptions import BotoCoreError, ClientError
from liquid import Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from truepoint.emulator.emulator import Emulator
from truepoint.emulator.emulator_gate import TOKEN_HEADER
from truepoint.jobs.stack import StackOutputs
from truepoint.portal.assignments import Verdict
from truepoint.portal.cloud import EventRefusedError, StorageFullError
from truepoint.portal.guard import MAX_BODY, Guard
from truepoint.portal.links import Links
from truepoint.portal.rendering import CROWD_SCRIPTS, TaskTemplate, TaskTemplateError
from truepoint.portal.runner import JobRunner
from truepoint.portal.upkeep import Upkeep
from truepoint.portal.workers import MAX_NAME, WORKER_ID, WorkerNameError, worker_id
from truepoint.tasks import documents
from truepoint.tasks.labeling_job import LabelingJobError

HERE = Path(__file__).parent
COOKIE = "worker"
COOKIE_SECONDS = 365 * 24 * 3600
MOST_FIELDS = 10
"""Maximum number of fields of a form. The pages' own forms have one."""
# A job's template may load any resource, but no other page may frame it.
TASK_POLICY = "frame-ancestors 'self'; base-uri 'none'"
# Results contain workers' text, which gets no rights on this origin. The report draws itself by script,
# and its tables can be downloaded as CSV.
RESULT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "sandbox allow-scripts allow-downloads"
)
RESULT_TYPES = {".html": "text/html; charset=utf-8", ".json": "application/json"}
RESULT_FILES = {
    "report": "quality report for team leads",
    "coco": "consensus as COCO keypoints, for training",
    "coco_workers": "COCO keypoints of every worker",
    "quality": "all figures of the report",
    "workers": "quality figures of each worker",
    "suspicious": "images that may contain a label error, with reasons",
    "review": "input manifest for a review of these images",
    "comments": "comments of workers",
    "rejected": "images without an annotation, with reasons",
    "skeleton": "keypoints and edges",
}
REFUSALS = {
    Verdict.TOO_LATE: "The time for this image is over, and another worker has it now.",
    Verdict.CLOSED: "This image needs no more answers.",
}
MESSAGES = {
    "name": f"Please enter a name of 1 to {MAX_NAME} characters.",
    "nothing": "There is no image for you at the moment. All images are labelled, or other workers have the last ones.",
    "confirm": "The job was not finished: tick the box to confirm.",
}
ELEMENT_PATH = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]*/)*[A-Za-z0-9_-][A-Za-z0-9._-]*")
"""A path below `ui/` without empty segments, segments that start with a dot, and percent-encoding."""
PASSED_ON = frozenset(
    {"content-type", "cache-control", "etag", "access-control-allow-origin", "content-security-policy"}
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ElementSource:
    """The location of the labelling element, the skeleton creator and the labeller's guide.

    It has the distribution's domain name, the URL that reaches it, the emulator's token, and the paths of creator and
    guide.
    """

    domain: str
    base_url: str
    token: str
    creator_path: str
    guide_path: str

    @classmethod
    def of(cls, stack: StackOutputs, emulator: Emulator) -> ElementSource:
        """Return the source of a stack that is deployed in the emulator."""
        _, _, domain, path = stack.creator_url.split("/", 3)
        guide = f"/{stack.guide_url.split('/', 3)[3]}" if stack.guide_url else ""
        return cls(domain, emulator.endpoint, emulator.secrets.token, f"/{path}", guide)


class Portal:
    """The pages of one job.

    Args:
        runner: the job.
        upkeep: the upkeep thread, which is notified of every change.
        element: the location of the element's script and of the skeleton creator.
        secret: the key of the workers' pseudonyms.

    Raises:
        TaskTemplateError: the job's template is not Liquid.
    """

    def __init__(self, runner: JobRunner, upkeep: Upkeep, element: ElementSource, secret: bytes) -> None:
        self._runner = runner
        self._upkeep = upkeep
        self._element = element
        self._secret = secret
        self._http = urllib3.PoolManager(retries=False, timeout=30)
        self._pages = Environment(extra=True, autoescape=True, loader=FileSystemLoader(HERE / "pages"))
        replaced = dict.fromkeys(CROWD_SCRIPTS, "/static/crowd-html-elements.js")
        replaced[f"https://{element.domain}/"] = "/"
        template = runner.cloud.get(runner.job.template_uri).decode()
        self._links = Links(runner.cloud.presign)
        self._template = TaskTemplate(template, self._links, replaced)

    def application(self, port: int) -> Guard:
        """Return the ASGI application for this port on loopback."""
        routes = [
            Route("/", self._home),
            Route("/worker", self._set_worker, methods=["POST"]),
            Route("/task", self._task),
            Route("/task/{object_id}", self._task_page),
            Route("/task/{object_id}/answer", self._answer, methods=["POST"]),
            Route("/next-image", self._next_image),
            Route("/finish", self._finish, methods=["POST"]),
            Route("/results/{path:path}", self._result),
            Route("/ui/{path:path}", self._element_file),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
        handlers: Mapping[Any, Any] = {
            HTTPException: self._refused,
            ClientDisconnect: self._refused,
            TaskTemplateError: self._broken_template,
            StorageFullError: self._storage_full,
            ClientError: self._cloud_failed,
            EventRefusedError: self._cloud_failed,
            BotoCoreError: self._cloud_failed,
            urllib3.exceptions.HTTPError: self._cloud_failed,
        }
        return Guard(
            Starlette(routes=routes, exception_handlers=handlers), frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
        )

    # -- pages

    def _home(self, request: Request) -> Response:
        worker = _worker(request)
        results = self._runner.results() if self._runner.job.ended else None
        files = sorted((results or {}).get("files", {}).items(), key=lambda file: (file[0] != "report", file))
        return self._page(
            "home",
            worker=worker,
            yours=self._yours(worker),
            max_name=MAX_NAME,
            creator=self._element.creator_path,
            guide=self._element.guide_path,
            results=results,
            results_uri=self._runner.results_uri(),
            files=[{"what": RESULT_FILES.get(what, ""), "path": path} for what, path in files if path[-1:] != "/"],
            message=MESSAGES.get(request.query_params.get("message", ""), ""),
        )

    def _yours(self, worker: str | None) -> dict[str, int]:
        answered, total = self._runner.answered_of(worker) if worker else (0, 0)
        return {"answered": answered, "total": total, "left": total - answered}

    async def _set_worker(self, request: Request) -> Response:
        try:
            worker = worker_id(await _field(request, "name"), self._secret)
        except WorkerNameError:
            return RedirectResponse("/?message=name", 303)
        response = RedirectResponse("/task", 303)
        response.set_cookie(COOKIE, worker, max_age=COOKIE_SECONDS, httponly=True, samesite="strict")
        return response

    def _task(self, request: Request) -> Response:
        worker = _worker(request)
        task = self._runner.next_task(worker) if worker else None
        self._upkeep.poke()  # objects that need no worker may have been the last ones
        if task is None:
            progress = self._runner.progress()
            return RedirectResponse("/?message=nothing" if worker and progress.full < progress.lines else "/", 303)
        return self._page(
            "task",
            object_id=task.lease.object_id,
            image=task.task_input.get("image_name", ""),
            yours=self._yours(worker),
        )

    def _task_page(self, request: Request) -> Response:
        worker = _worker(request)
        task = self._runner.current_task(worker, request.path_params["object_id"]) if worker else None
        if task is None:
            raise HTTPException(404, "This image is not assigned to you at the moment.")
        page = self._template.render({**task.task_input, "worker": worker, "max_answer_bytes": str(MAX_BODY)})
        return HTMLResponse(page, headers={"content-security-policy": TASK_POLICY, "cache-control": "no-store"})

    def _next_image(self, request: Request) -> Response:
        worker = _worker(request)
        task_input = self._runner.upcoming(worker) if worker else None
        shown = task_input or {}
        uri = str(shown.get("image_copy_s3_uri") or shown.get("image_s3_uri", ""))
        # The link of the next task's page, if it is opened soon.
        image = self._links(uri) if uri.startswith("s3://") else None
        return JSONResponse({"image": image}, headers={"cache-control": "no-store"})

    async def _answer(self, request: Request) -> Response:
        worker = _worker(request)
        if worker is None:
            return _problem(403, "Enter your name on the portal's first page.")
        try:
            content = documents.parse_content(await request.body())
        except LabelingJobError as error:
            return _problem(400, f"This answer cannot be stored: {error}.")
        object_id, started = request.path_params["object_id"], _time(request.query_params.get("started", ""))
        try:
            verdict = await run_in_threadpool(self._runner.submit, worker, object_id, content, started)
        except LabelingJobError:
            return _problem(404, "There is no such image.")
        self._upkeep.poke()
        if verdict in REFUSALS:
            return _problem(409, REFUSALS[verdict])
        return JSONResponse({"next": "/task"})

    async def _finish(self, request: Request) -> Response:
        if await _field(request, "confirm") != "yes":
            return RedirectResponse("/?message=confirm", 303)
        await run_in_threadpool(self._runner.stop)
        return RedirectResponse("/", 303)

    def _result(self, request: Request) -> Response:
        path = request.path_params["path"]
        body = self._runner.cloud.find(self._runner.results_uri(path)) if path else None
        if body is None:
            raise HTTPException(404, "There is no such file among the results.")
        media_type = RESULT_TYPES.get(PurePosixPath(path).suffix, "text/plain; charset=utf-8")
        return Response(body, media_type=media_type, headers={"content-security-policy": RESULT_POLICY})

    def _element_file(self, request: Request) -> Response:
        # The HTTP client resolves dot segments: "/ui/../x" would leave the distribution's prefix.
        path = request.path_params["path"]
        if not ELEMENT_PATH.fullmatch(path):
            raise HTTPException(404, "There is no such file of the labelling element.")
        # Request it through the distribution, as a worker's browser does. The distribution accepts HTTPS only, which
        # ends here on
        # loopback.
        response = self._http.request(
            "GET",
            f"{self._element.base_url}/ui/{path}",
            headers={
                "Host": self._element.domain,
                "X-Forwarded-Proto": "https",
                "Origin": str(request.base_url)[:-1],
                TOKEN_HEADER: self._element.token,
            },
        )
        headers = {name: value for name, value in response.headers.items() if name.lower() in PASSED_ON}
        return Response(response.data, response.status, headers)

    # -- what goes wrong

    def _refused(self, _request: Request, error: Exception) -> Response:
        status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (400, "Too long.")
        return self._page("problem", status=status, title=detail)

    def _broken_template(self, _request: Request, error: Exception) -> Response:
        return self._page("problem", status=500, title=str(error))

    def _storage_full(self, request: Request, error: Exception) -> Response:
        _log.error("%s", error)
        reason = "The disk of this computer is full, so nothing was saved. Free some space and try again."
        if request.url.path.endswith("/answer"):
            return _problem(507, reason)
        return self._page("problem", status=507, title=reason)

    def _cloud_failed(self, request: Request, error: Exception) -> Response:
        # Log only the class: the message may contain a presigned URL.
        _log.warning("%s for a request of %s", type(error).__name__, request.method)
        reason = "The storage returned an error. Saved answers are not lost. Please try again."
        if request.url.path.endswith("/answer"):
            return _problem(503, reason)
        return self._page("problem", status=503, title=reason)

    def _page(self, name: str, *, status: int = 200, **values: Any) -> Response:
        job, progress = self._runner.job, asdict(self._runner.progress())
        facts = {
            "problem": self._runner.problem,
            "title": job.title,
            "description": job.description,
            "name": job.name,
            "status": job.status,
            "workers": job.workers_per_object,
            "ended": job.ended,
            "open": progress["lines"] - progress["full"],
        }
        page = self._pages.get_template(f"{name}.liquid.html").render(job=facts, progress=progress, **values)
        return HTMLResponse(page, status, {"cache-control": "no-store"})


def _worker(request: Request) -> str | None:
    worker = request.cookies.get(COOKIE, "")
    return worker if WORKER_ID.fullmatch(worker) else None


async def _field(request: Request, name: str) -> str:
    """Return a field of a form without files; empty if it is missing.

    Raises:
        HTTPException: the form has more fields than any of our pages.
    """
    try:
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(400, f"Expected a form of at most {MOST_FIELDS} fields, got more.") from error
    return fields.get(name, [""])[0]


def _time(milliseconds: str) -> datetime | None:
    # 13 digits reach the year 2286. A browser's value is only used within the task's time limit.
    if not (milliseconds.isdecimal() and len(milliseconds) <= 13):
        return None
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _problem(status: int, message: str) -> JSONResponse:
    return JSONResponse({"problem": message}, status)
