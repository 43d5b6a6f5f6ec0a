"""Helpers for files and folders on this machine."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from pathlib import Path

from truepoint.formats.labels import IMAGE_SUFFIXES

PART_CHARACTERS = 50
"""Number of a name's characters in that of its unfinished file, which may then have 255 bytes as any other name."""


def write_whole(path: Path, content: bytes) -> None:
    """Write or replace a file atomically: after a crash the path has the earlier file, or no file.

    A stream is written to and never replaced. A symbolic link remains, and the file that it names is replaced.
    """
    if is_stream(path):
        descriptor = _descriptor(path)
        with path.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(content)
        return
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name[:PART_CHARACTERS]}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Return whether a path is a stream: a device, a pipe, or a descriptor of this process such as `/dev/stdout`."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file() and not path.is_dir())


def _descriptor(path: Path) -> int | None:
    """Return the file descriptor that a path names, such as 1 for `/dev/stdout`; None if it names none."""
    # The output may be redirected to a file. Replacing that file would lose earlier output.
    if numbered := re.fullmatch(r"/(?:dev|proc/self)/fd/([0-9]{1,4})", str(path)):
        return int(numbered[1])
    return {"/dev/stdout": 1, "/dev/stderr": 2}.get(str(path))


def file_error(error: OSError) -> str:
    """Return a sentence about a file that cannot be read or written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"expected enough space to write the files, got: {error.strerror}; free some space and run this again"
    if error.filename is None:
        return " ".join(str(error).split())
    return f"{error.filename}: expected a file that can be read or written, got: {error.strerror}"


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
