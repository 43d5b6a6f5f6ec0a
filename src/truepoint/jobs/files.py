"""Helpers for files and folders on this machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from truepoint.formats.labels import IMAGE_SUFFIXES


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file atomically: after a crash the path has the earlier file, or no file.

    A path that exists and is no file, such as `/dev/stdout` or a pipe, is written to and never replaced.
    """
    if path.exists() and not path.is_file():
        path.write_bytes(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """Return the SHA-256 digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def image_files(folder: Path) -> dict[str, Path]:
    """Return the files below a folder that have an image suffix, by their relative path with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    }
