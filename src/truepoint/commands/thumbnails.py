"""Add thumbnails of the suspicious images to a report, from a folder of images.

A job's report contains no images, because reports are often shared. The command
adds at most 24 thumbnails of at most 640 pixels and 80 kB each.
"""

from __future__ import annotations

import sys
from pathlib import Path

from truepoint.analysis.pictures import PictureFolder, illustrated
from truepoint.commands import console
from truepoint.jobs.files import write_whole

USAGE = "%(prog)s REPORT --images DIR --out FILE"
EXAMPLE = "%(prog)s report.html --images photos --out shown.html"


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("report", type=Path, metavar="REPORT", help="report.html of a job or an analysis")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="folder of the images")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="report to write")
    options = parser.parse_args(given)
    return console.run(lambda: _embed(options.report, options.images, options.out), options.out)


def _embed(report: Path, images: Path, out: Path) -> int:
    console.check_output(out, report)
    written, missing = illustrated(report.read_bytes(), PictureFolder(images), str(report))
    write_whole(out, written)
    for name in missing:
        print(f"no thumbnail of {name}: expected this image in {images}, got none", file=sys.stderr)
    print(out, file=console.messages(out))
    return console.OK
