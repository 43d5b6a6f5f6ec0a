"""What fuzzing starts from: good input, and what was found before (corpus/)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).with_name("corpus")
EVENTS = ROOT / "events"


MADE = {
    "depth": [b"%d,%s" % (levels, inner) for levels in (4, 32, 600, 985, 9997) for inner in (b"1", b"null")],
    "cost": [bytes(seed) for seed in ((2, 6, 5, 3, 6, 1), (8, 10, 1, 19, 19, 0), (1, 20, 5, 10, 5, 1))],
    "keys": [b"a/b.jpg", b"../..", "COM¹.jpg".encode(), b"-rf", b"sub.txt/a.jpg", "é".encode() * 400],
}
"""Seeds of the targets whose input is no file of ours."""


def seeds(target: str) -> Iterator[bytes]:
    """Good input of a target, from the sample events, and the hard cases kept for it."""
    for file in found(target):
        yield file.read_bytes()
    yield from MADE.get(target, ())
    manifests = [f.read_bytes() for f in sorted((EVENTS / "s3").rglob("output.manifest"))]
    requests = [f.read_bytes() for f in sorted((EVENTS / "s3").rglob("consolidation-request/**/*.json"))]
    match target:
        case "manifest" | "results":
            yield from manifests
            yield from (line for text in manifests for line in text.splitlines())
        case "review":
            yield from (b"\n\n".join([text, text.replace(b'{"s', b'{"reviewed_line":0,"s', 1)]) for text in manifests)
        case "pre_annotation":
            for file in sorted((EVENTS / "pre_annotation").glob("*.json")):
                yield msgspec.json.encode(msgspec.json.decode(file.read_bytes())["dataObject"])
        case "event":
            yield from (f.read_bytes() for f in sorted((EVENTS / "job_completion").glob("*.json")))
        case "batch":
            yield from requests
        case "answers":
            for entries in map(msgspec.json.decode, requests):
                texts = [a["annotationData"].get("content", "") for e in entries for a in e["annotations"]]
                whole = [t.encode() if isinstance(t, str) else msgspec.json.encode(t) for t in texts]
                yield from (b"\n".join(pair) for pair in zip(whole, whole[1:] + whole[:1], strict=True))
        case "marker":
            yield from _examples("results")
        case "gold":
            yield from (b'{"a.jpg":[%s]}' % text for text in _examples("instance"))
        case "skeleton":
            yield from (f.read_bytes() for f in sorted((ROOT / "skeletons").glob("*.json")))


def _examples(name: str) -> list[bytes]:
    text = (ROOT / "docs" / "formats.md").read_bytes()
    return re.findall(rb"```json %s\n(.*?)```" % name.encode(), text, re.DOTALL)


def found(target: str) -> list[Path]:
    """The hard cases kept for a target: what fuzzing found, and what it should always try."""
    return sorted((CORPUS / target).glob("*"))
