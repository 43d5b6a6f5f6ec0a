"""Example photographs from a web server on this machine: fetched once, proven, and attributed."""

import base64
import hashlib
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from truepoint.jobs.example_images import DownloadError, read_list

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "download_example_images.py"
HEADER = "image_id,url,page,author,author_page,title,size,md5"
CONTENT = {"/good1": b"first photograph", "/good2": b"second", "/flaky": b"third"}


class Handler(BaseHTTPRequestHandler):
    """Serves `CONTENT`; `/flaky` fails twice first, `/broken` always, `/changed` has other bytes than listed."""

    asked: ClassVar[Counter[str]] = Counter()

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        if self.path == "/broken" or (self.path == "/flaky" and self.asked[self.path] <= 2):
            self.send_error(503)
        elif self.path == "/changed" or self.path in CONTENT:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CONTENT.get(self.path, b"other bytes"))
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output clean."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def listed(path: Path, server: str, *names: str) -> Path:
    rows = [HEADER]
    for name in names:
        content = CONTENT.get(f"/{name}", b"expected")
        md5 = base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()
        rows.append(
            f'{name},{server}/{name},https://example.com/p,Ann,https://example.com/ann,"T, {name}",{len(content)},{md5}'
        )
    path.write_text("\n".join(rows) + "\n")
    return path


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_fetched_once_with_attribution(server: str, tmp_path: Path) -> None:
    photos, table = tmp_path / "photos", listed(tmp_path / "list.csv", server, "good1", "good2", "flaky")
    done = run(photos, "--list", table)
    assert (done.returncode, done.stderr) == (0, "")
    assert "3 photographs downloaded, 0 already existed" in done.stdout
    assert {p.name: p.read_bytes() for p in photos.glob("*.jpg")} == {f"{k[1:]}.jpg": v for k, v in CONTENT.items()}
    said = (photos / "ATTRIBUTION.txt").read_text(encoding="utf-8")
    assert "good1.jpg\n  “T, good1” by Ann (https://example.com/ann)\n  https://example.com/p\n  CC BY 2.0" in said
    (photos / "good2.jpg").write_bytes(b"damage")
    again = run(photos, "--list", table)
    assert "1 photographs downloaded, 2 already existed" in again.stdout
    assert Handler.asked == {"/good1": 1, "/good2": 2, "/flaky": 3}


def test_one_that_fails_does_not_stop_the_others(server: str, tmp_path: Path) -> None:
    photos, table = tmp_path / "photos", listed(tmp_path / "l.csv", server, "gone", "changed", "broken", "good1")
    done = run(photos, "--list", table)
    assert done.returncode == 1
    assert sorted(p.name for p in photos.iterdir()) == ["ATTRIBUTION.txt", "good1.jpg"]
    gone, changed, broken = done.stderr.splitlines()
    assert gone.endswith("/gone: expected status 200, got 404")
    assert "expected 8 bytes with MD5" in changed
    assert "got 11 bytes that are another file; it was not kept" in changed
    assert "no answer after 4 attempts; is there internet?" in broken
    assert Handler.asked["/broken"] == 4


def test_without_internet(tmp_path: Path) -> None:
    done = run(tmp_path / "photos", "--list", listed(tmp_path / "l.csv", "http://127.0.0.1:9", "good1"))
    assert done.returncode == 1
    assert "is there internet?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_dry_run_lists_the_ten(tmp_path: Path) -> None:
    done = run(tmp_path / "photos", "--dry-run")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 10)
    assert not (tmp_path / "photos").exists()


def test_the_list_that_ships() -> None:
    photos = read_list(SCRIPT.with_name("example_images.csv"))
    assert len({photo.image_id for photo in photos}) == 10
    assert all(photo.url.startswith("https://") and len(base64.b64decode(photo.md5)) == 16 for photo in photos)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "expected the columns image_id, url, .*missing required field `image_id`"),
        (f"{HEADER}\nid,u,p,a,ap,t,many,md5\n", "Expected `int`"),
        (f"{HEADER}\n../id,u,p,a,ap,t,1,md5\n", "expected ids of letters and digits, got '../id'"),
    ],
)
def test_other_lists_are_refused(tmp_path: Path, text: str, words: str) -> None:
    table = tmp_path / "list.csv"
    table.write_text(text)
    with pytest.raises(DownloadError, match=words):
        read_list(table)
    assert run(tmp_path / "photos", "--list", table).returncode == 2
