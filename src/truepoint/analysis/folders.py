"""Atomic replacement of a folder: it appears as a whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path


class TargetError(ValueError):
    """A target folder that cannot be written without losing other files."""


def check_target(folder: Path, ours: Collection[str]) -> None:
    """Check that a folder may be replaced: it is missing, empty, or holds only names in `ours`.

    Raises:
        TargetError: the path is something else, or the folder holds other names.
    """
    kind = "a link" if folder.is_symlink() else "a file"
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise TargetError(f"{folder}: expected a folder or nothing, got {kind}")
    if not folder.exists():
        return
    names = sorted(entry.name for entry in folder.iterdir())
    if foreign := [name for name in names if name not in ours]:
        raise TargetError(
            f"{folder}: expected nothing, an empty folder or an earlier analysis, got a folder with "
            f"{foreign[0]!r}{f' and {len(foreign) - 1} more' if len(foreign) > 1 else ''}; choose another --out"
        )


@contextmanager
def whole_folder(folder: Path, ours: Collection[str]) -> Iterator[Path]:
    """Yield a new folder beside `folder`, and replace `folder` by it if the block ends without an error.

    Raises:
        TargetError: `folder` may not be replaced; see `check_target`.
    """
    check_target(folder, ours)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    try:
        new = part / "new"
        new.mkdir()
        yield new
        check_target(folder, ours)
        if folder.exists():
            folder.rename(part / "old")
        try:
            new.rename(folder)
        except OSError:
            if (part / "old").exists():
                (part / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
