"""The worker's page as Ground Truth builds it, served over HTTP from two origins."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from driver import PERSON, ROOT, attributes, classes, picture

CROWD_FORM = (Path(__file__).parent / "crowd_form.js").read_text()


class Site:
    """Two servers on loopback: one for the page, one for the element, the image and the pre-labels.

    `files` are served by both: path to type and body. A path in `failing` answers 503 as often as the number says.
    """

    def __init__(self, bundle: str) -> None:
        self.bundle = bundle
        self.files: dict[str, tuple[str, str | bytes]] = {
            "/element.js": ("text/javascript", bundle),
            "/crowd.js": ("text/javascript", CROWD_FORM),
            "/photo.png": ("image/png", picture(640, 480)),
        }
        for language in (ROOT / "src/ui/dist").glob("crowd-2d-skeleton.*.js"):
            self.files[f"/{language.name}"] = ("text/javascript; charset=utf-8", language.read_text())
        self.failing: dict[str, int] = {}
        self.policy = ""
        self.asked: list[str] = []
        self.servers = [self._serve() for _ in range(2)]
        self.page, self.assets = (f"http://127.0.0.1:{server.server_port}" for server in self.servers)

    def _serve(self) -> ThreadingHTTPServer:
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                path = self.path.split("?")[0]
                fails = site.failing.get(path, 0)
                if fails or path not in site.files:
                    site.failing[path] = max(0, fails - 1)
                    self.send_error(503 if fails else 404)
                    return
                kind, body = site.files[path]
                data = body.encode() if isinstance(body, str) else body
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.send_header("Access-Control-Allow-Origin", "*")
                self.send_header("Cache-Control", "max-age=600" if kind == "image/png" else "no-store")
                if kind.startswith("text/html") and site.policy:
                    self.send_header("Content-Security-Policy", site.policy)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def task(self, *, sandbox: str | None = None, button: str = "", module: bool = False, **values: Any) -> str:
        """Make a task's page; `sandbox` puts it into such a frame. Return the address to open."""
        kind = "type=module " if module else ""
        digest = base64.b64encode(hashlib.sha384(self.bundle.encode()).digest()).decode()
        given = {
            "imgSrc": f"{self.assets}/photo.png?X-Amz-Signature=abc",
            "imageS3Uri": "s3://bucket/photo.png",
            "keypointClasses": classes(),
            "skeletonRig": PERSON["edges"],
            "skeletonBoundingBox": {"left": 0, "top": 6, "right": 124, "bottom": 384},
            "labelingJob": "people",
            **values,
        }
        html = (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Task</title>"
            f'<script src="{self.page}/crowd.js"></script>'
            f'<script {kind}src="{self.assets}/element.js" integrity="sha384-{digest}" crossorigin="anonymous">'
            "</script>"
            f"<crowd-form>{button}<crowd-2d-skeleton {attributes(given)}></crowd-2d-skeleton></crowd-form>"
        )
        self.policy = (
            f"default-src 'none'; script-src {self.page} {self.assets}; img-src {self.assets};"
            f" connect-src {self.assets}; frame-src {self.page}"
        )
        self.files["/task.html"] = ("text/html; charset=utf-8", html)
        if sandbox is None:
            return f"{self.page}/task.html"
        frame = f'<iframe sandbox="{sandbox}" src="{self.page}/task.html" width=1000 height=600></iframe>'
        self.files["/outer.html"] = ("text/html; charset=utf-8", f"<!doctype html><title>Outer</title>{frame}")
        return f"{self.page}/outer.html"

    def labels(self, annotations: Any, path: str = "/labels.json") -> str:
        """Put pre-labels at an address, which is returned with a signature."""
        self.files[path] = ("application/json", json.dumps({"annotations": annotations, "annotation_issues": ["look"]}))
        return f"{self.assets}{path}?X-Amz-Signature=secret"


@contextmanager
def serve(bundle: str) -> Iterator[Site]:
    site = Site(bundle)
    try:
        yield site
    finally:
        for server in site.servers:
            server.shutdown()
            server.server_close()
