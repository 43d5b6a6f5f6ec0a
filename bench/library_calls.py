"""Measure one library in a separate process for bench/libraries.py, and print the figures as JSON.

Arguments are the library's name, a file of manifest lines, and the bucket.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

RUNS = 5
"""Number of repetitions, of which the median is reported."""
BODY = json.dumps({"annotations": list(range(1100))}, indent=1).encode()


def codecs(name: str) -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    """Return functions that decode a line and encode an indented annotation file."""
    if name == "orjson":
        import orjson  # noqa: PLC0415 - only the library that is measured

        return orjson.loads, lambda value: orjson.dumps(value, option=orjson.OPT_INDENT_2)
    if name == "msgspec":
        import msgspec  # noqa: PLC0415 - only the library that is measured

        return msgspec.json.decode, lambda value: msgspec.json.format(msgspec.json.encode(value), indent=2)
    return json.loads, lambda value: json.dumps(value, indent=2).encode()


def putter(name: str, bucket: str) -> Callable[[str], object]:
    """Return a function that puts an object, with a client that is created as in the library's manual."""
    endpoint = os.environ["AWS_ENDPOINT_URL"]
    if name == "obstore":
        import obstore  # noqa: PLC0415 - only the library that is measured
        from obstore.store import S3Store  # noqa: PLC0415

        store = S3Store(bucket, endpoint=endpoint, client_options={"allow_http": True})
        return lambda key: obstore.put(store, key, BODY)
    if name == "minio":
        from minio import Minio  # noqa: PLC0415 - only the library that is measured

        key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
        client = Minio(endpoint=endpoint.removeprefix("http://"), access_key=key, secret_key=secret, secure=False)
        return lambda key: client.put_object(
            bucket_name=bucket, object_name=key, data=io.BytesIO(BODY), length=len(BODY)
        )
    import boto3  # noqa: PLC0415

    s3 = boto3.client("s3")
    return lambda key: s3.put_object(Bucket=bucket, Key=key, Body=BODY)


def per_call(call: Callable[[Any], object], items: list[Any]) -> float:
    """Return the CPU time of a call in microseconds, the median of RUNS repetitions."""
    per_item = []
    for _ in range(RUNS):
        started = time.process_time()
        for item in items:
            call(item)
        per_item.append((time.process_time() - started) / len(items) * 1e6)
    return statistics.median(per_item)


def main() -> int:
    """Measure one library."""
    name, lines, bucket = sys.argv[1:]
    started = time.process_time()
    importlib.import_module(name)
    figures: dict[str, float] = {}
    if name in ("json", "orjson", "msgspec"):
        figures["import"] = time.process_time() - started
        decode, encode = codecs(name)
        texts = Path(lines).read_bytes().splitlines()
        figures["decode"] = per_call(decode, texts)
        figures["encode"] = per_call(encode, [decode(text) for text in texts])
    else:
        put = putter(name, bucket)
        figures["import"] = time.process_time() - started
        put("first")
        figures["put"] = per_call(put, [f"object-{n}" for n in range(200)])
    owned = [] if name == "json" else [name, *(["botocore", "s3transfer"] if name == "boto3" else [])]
    files = [f for dist in owned for f in importlib.metadata.files(dist) or ()]
    figures["megabytes"] = sum(Path(str(f.locate())).stat().st_size for f in files if f.suffix != ".pyc") / 1e6
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
