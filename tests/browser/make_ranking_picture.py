"""Takes the picture of docs/analysis.md from the report of examples/photographs: `npm run ranking-picture`."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import ARGUMENTS, EXECUTABLE
from truepoint.commands.main import main as truepoint

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPHS = ROOT / "examples/photographs"
PICTURE = ROOT / "docs/images/ranking.png"
WIDTH = 900
"""Width of the window in CSS pixels: about the width of a page of documentation."""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        out = Path(folder) / "analysis"
        given = [str(PHOTOGRAPHS / "labels.json"), "--out", str(out), "--images", str(PHOTOGRAPHS)]
        assert truepoint(["analyze", *given]) == 0
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.goto((out / "report.html").as_uri())
        taken = page.locator(".worst").screenshot()
        browser.close()
    Image.open(io.BytesIO(taken)).convert("RGB").quantize(128).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
