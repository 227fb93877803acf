"""Work done a few steps ahead in threads, given in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], todo: Iterable[T], steps: int = 16) -> Iterator[tuple[T, R]]:
    """(one, work(one)) for each of `todo`, in order; at most `steps` results wait."""
    left = iter(todo)
    with ThreadPoolExecutor(thread_name_prefix="tilework-decode") as pool:
        coming: deque[tuple[T, Future[R]]] = deque((one, pool.submit(work, one)) for one in islice(left, steps))
        try:
            while coming:
                one, future = coming.popleft()
                result = future.result()
                coming.extend((later, pool.submit(work, later)) for later in islice(left, 1))
                yield one, result
        finally:
            for _, future in coming:
                future.cancel()
