"""The log of what leads ask for, in the bucket: `portal/log/`, one file an action.

Names count down, so that a listing begins with the newest. An entry is written before its action is carried out:
nothing that a lead did is missing. One that was refused says so. Entries are never deleted.
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
READERS = 16


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One action: when, by which lead (a pseudonym), what, and on what.

    `detail` holds what was asked for. `refused` is the reason if the action could not be carried out.
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
        """Write an entry and return its key; it is durable then."""
        key = keys.leads_log_entry(entry.time, secrets.token_hex(4))
        self._write(key, entry)
        return key

    def refuse(self, key: str, entry: Entry, reason: str) -> None:
        """Note in an entry that its action was refused."""
        self._write(key, msgspec.structs.replace(entry, refused=reason))

    def latest(self, count: int) -> list[Entry]:
        """Return the latest entries, newest first. What is no entry is left out."""
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
