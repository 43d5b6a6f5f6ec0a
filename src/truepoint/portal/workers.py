"""Workers' pseudonyms: a name always gives the same id in one installation, and the id does not reveal the name.

Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata

WORKER_ID = re.compile(r"private\.local\.[0-9a-f]{24}")
MAX_NAME = 80


class WorkerNameError(ValueError):
    """A name that cannot be a worker's name."""


def worker_id(name: str, secret: bytes) -> str:
    """Return `private.local.<hex>`, in the format of Ground Truth's ids, ignoring case and surrounding space.

    Raises:
        WorkerNameError: the name is empty or too long.
    """
    plain = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not 1 <= len(plain) <= MAX_NAME:
        raise WorkerNameError(f"expected a name of 1 to {MAX_NAME} characters, got {len(plain)}")
    return f"private.local.{hmac.new(secret, plain.encode(), hashlib.sha256).hexdigest()[:24]}"
