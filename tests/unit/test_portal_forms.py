"""Fields of the portal's forms, as browsers and others send them."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from truepoint.portal import server


def name_in(body: bytes) -> str:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request({"type": "http", "method": "POST", "headers": []}, receive)
    with ThreadPoolExecutor(1) as pool:  # an earlier test's browser driver has a running event loop in this thread
        return pool.submit(asyncio.run, server._field(request, "name")).result()


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"name=Ada", "Ada"),
        (b"name=J%C3%BCrgen+B", "J\u00fcrgen B"),
        (b"name=first&name=second", "first"),
        (b"", ""),
        (b"name=", ""),
        (b"\xff\xfe=1&name=Ada", "Ada"),
        (b"name=Ada" + b"&a=1" * 9, "Ada"),
    ],
)
def test_a_field_of_a_form(body: bytes, name: str) -> None:
    assert name_in(body) == name


@pytest.mark.parametrize("fields", [11, 100_000])
def test_a_form_of_many_fields_is_refused(fields: int) -> None:
    with pytest.raises(HTTPException, match="at most 10 fields") as caught:
        name_in(b"&".join([b"name=Ada"] * fields))
    assert caught.value.status_code == 400
