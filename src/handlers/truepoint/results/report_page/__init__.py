"""The quality report: one HTML page that contains its style, script and data, and needs no network."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import msgspec

from truepoint.results.report import Report

_FOLDER = Path(__file__).parent


def page(report: Report) -> bytes:
    """Return the page as HTML.

    Its content security policy allows only its own style and script, by digest. The data is JSON in a script element of
    another type. `<`, `>` and `&` are escaped, so that no text of a job can end the element or become markup.
    """
    style, script = ((_FOLDER / name).read_bytes() for name in ("report.css", "report.js"))
    pictures = "img-src data:; " if any(image.drawing.picture for image in report.worst) else ""
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; {pictures}"
        f"style-src {_digest(style)}; script-src {_digest(script)}"
    )
    data = msgspec.json.encode(report)
    for character in b"<>&":
        data = data.replace(bytes([character]), b"\\u%04x" % character)
    html = (_FOLDER / "report.html").read_bytes()
    # The data is inserted last, so that text of the job is never searched for placeholders.
    for name, content in ((b"policy", policy.encode()), (b"style", style), (b"script", script)):
        html = html.replace(b"{{" + name + b"}}", content)
    before, _, after = html.partition(b"{{data}}")
    return before + data + after


def _digest(content: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content).digest()).decode()}'"
