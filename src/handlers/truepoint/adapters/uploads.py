"""Concurrent uploads of many objects with a limited number in flight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType

from truepoint.adapters.bucket import Bucket

AT_ONCE = 32
"""Number of upload threads. obstore waits for S3 without the GIL, so threads are cheap. At 20 ms per request, 32
threads write 1,600 objects/s, which is more than one core produces."""
MOST_UNFINISHED = 16 * 1024 * 1024
"""Maximum size of unfinished writes, in bytes. A batch of 300 images is computed first and then written faster than S3
answers, so the queue holds all of its files: 6 MB with three workers."""
MOST_WRITES = 4096
"""Maximum number of unfinished writes. At 20 ms per request, 32 threads need less than 3 s for them."""


class Uploads:
    """Background writes of objects. Leaving the `with` block waits for all of them and raises the first failure."""

    def __init__(self, bucket: Bucket, at_once: int = AT_ONCE) -> None:
        self._bucket = bucket
        self._pool = ThreadPoolExecutor(at_once)
        self._unfinished: dict[Future[None], int] = {}  # sizes in bytes
        self._size = 0
        self._done: SimpleQueue[Future[None]] = SimpleQueue()

    def put(
        self, key: str, content: bytes | Callable[[], Iterable[bytes]], content_type: str = "application/json"
    ) -> None:
        """Start a `Bucket.write`. If too much is unfinished, first wait, and raise the error of a write that failed."""
        size = len(content) if isinstance(content, bytes) else 0
        while self._unfinished and (self._size + size > MOST_UNFINISHED or len(self._unfinished) >= MOST_WRITES):
            self._take()
        write = self._pool.submit(self._bucket.write, key, content, content_type)
        self._unfinished[write] = size
        self._size += size
        write.add_done_callback(self._done.put)

    def __enter__(self) -> Uploads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=error is not None)
        while error is None and self._unfinished:
            self._take()

    def _take(self) -> None:
        """Wait until any one write finishes, in the order of completion, not of submission."""
        write = self._done.get()
        self._size -= self._unfinished.pop(write)
        write.result()
