"""Processes that work for another one: none of them outlives it."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

LOOKS_EVERY_S = 0.2


def _end_with_parent(parent: int) -> None:
    """Let this process end soon after the one that started it, whose id is given, however that one ends.

    To be called by the worker as it starts; it works on every system, and also if the parent is killed.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOKS_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


T = TypeVar("T")
R = TypeVar("R")
_TASK: Callable[[Any], Any] | None = None


def in_parallel(task: Callable[[T], R], items: Iterable[T], jobs: int | None = None) -> Iterator[R]:
    """Yield `task(item)` for each item, in order, computed in forked processes.

    The task itself is inherited by the fork, so it may be a closure over what cannot be pickled, such as a protocol.
    Where processes cannot be forked, as on Windows, this one does it all.
    """
    items = list(items)
    jobs = min(jobs or os.cpu_count() or 1, len(items))
    if jobs <= 1 or not hasattr(os, "fork"):
        yield from map(task, items)
        return
    with _forked(task, jobs) as pool:
        yield from pool.map(_call, items)


def called_in_parallel(tasks: Sequence[Callable[[], R]], jobs: int | None = None) -> Iterator[R]:
    """Yield what each of these returns, in order, as `in_parallel` does; they may be closures."""
    yield from in_parallel(lambda at: tasks[at](), range(len(tasks)), jobs)


@contextmanager
def workers(jobs: int, method: str | None = None) -> Iterator[Executor]:
    """Yield so many processes, started by a method of `multiprocessing`, and end them whatever happens.

    That may be while they start; then they end by themselves.
    """
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context(method), _end_with_parent, (os.getpid(),))
    try:
        yield pool
    finally:
        with suppress(RuntimeError):  # the thread that looks after them has not started yet
            pool.shutdown(cancel_futures=True)


@contextmanager
def _forked(task: Callable[[Any], Any], jobs: int) -> Iterator[Executor]:
    global _TASK
    previous, _TASK = _TASK, task
    try:
        gc.freeze()  # what the workers share they need not look through, and so need not copy
        with workers(jobs, "fork") as pool:
            yield pool
    finally:
        gc.unfreeze()
        _TASK = previous


def _call(item: Any) -> Any:
    assert _TASK is not None
    return _TASK(item)
