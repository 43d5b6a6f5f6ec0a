"""An addon of mitmproxy: AWS's host names lead to the emulator, SageMaker's to its double. Runs in mitmproxy's own
environment. Every request that came is noted, one line each, with its method, host and path."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

from mitmproxy import http

EMULATOR = urlsplit(os.environ["EMULATOR"])
SAGEMAKER = os.environ["SAGEMAKER_FILE"]
"""A file that holds the URL of the double while there is one."""
NOTES = Path(os.environ["NOTES"])
TOKEN_HEADER, TOKEN = os.environ["TOKEN_HEADER"], os.environ["TOKEN"]


def request(flow: http.HTTPFlow) -> None:
    """Send the request where its host is played; keep the Host header, which the signature covers."""
    host = flow.request.pretty_host
    with NOTES.open("a") as notes:
        notes.write(f"{flow.request.method} {flow.request.scheme}://{host}{flow.request.path.split('?')[0]}\n")
    if flow.request.scheme != "https" or not host.endswith(".amazonaws.com"):
        flow.response = http.Response.make(502, f"no such host here: {host}")
        return
    target = urlsplit(Path(SAGEMAKER).read_text()) if host.startswith("api.sagemaker.") else EMULATOR
    header = flow.request.host_header
    flow.request.scheme, flow.request.host, flow.request.port = "http", target.hostname or "", target.port or 80
    flow.request.host_header = header
    flow.request.headers["X-Forwarded-Proto"] = "https"
    flow.request.headers[TOKEN_HEADER] = TOKEN
