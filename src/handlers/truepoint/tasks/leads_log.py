"""The log of the leads' actions in the bucket: one file per action in `portal/log/`.

Newer entries have smaller names, so that a listing starts with the newest one. An entry is written before its action is
carried out, so that no action is missing. An entry of a refused action says so. Entries are never deleted.
"""

from __future__ import annotations

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import msgspec

from truepoint import keys
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.json_text import JsonError, decode

LARGEST_ENTRY = 1024 * 1024
"""Maximum size of an entry that is read, in bytes."""
READERS = 16
"""Number of threads that read entries."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action of a lead.

    Attributes:
        time: in seconds since 1970.
        lead: the lead's pseudonym.
        action: the name of the action.
        subject: the job, or the person, that the action changes.
        detail: the action's parameters.
        refused: why the action was refused; empty if it was carried out.
    """

    time: float
    lead: str
    action: str
    subject: str
    detail: dict[str, Any] = {}
    refused: str = ""


class LeadsLog:
    """The log of one stack."""

    def __init__(self, store: Bucket) -> None:
        self._store = store

    def add(self, entry: Entry) -> str:
        """Write an entry durably and return its key."""
        key = keys.leads_log_entry(entry.time, secrets.token_hex(4))
        self._write(key, entry)
        return key

    def refuse(self, key: str, entry: Entry, reason: str) -> None:
        """Record in an entry that its action was refused."""
        self._write(key, msgspec.structs.replace(entry, refused=reason))

    def latest(self, count: int) -> list[Entry]:
        """Return the latest entries, newest first. Files that are not valid entries are left out."""
        names = list(islice(self._store.keys(keys.LEADS_LOG, ""), count))
        with ThreadPoolExecutor(READERS) as pool:
            return [entry for entry in pool.map(self._read, names) if entry is not None]

    def _write(self, key: str, entry: Entry) -> None:
        self._store.write(key, json.dumps(msgspec.to_builtins(entry)).encode(), "application/json")

    def _read(self, key: str) -> Entry | None:
        try:
            entry: Entry = decode(self._store.read(key, largest=LARGEST_ENTRY), Entry)
        except (NotReadableError, JsonError):
            return None
        return entry
