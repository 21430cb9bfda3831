"""A bound on how long the code under examination may run: one that never ends must not stop the examiner.

One thread of each process looks after the calls of all its other threads. Where no thread can be started, as in a
browser's worker, there is no bound: there whoever started the worker ends it.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

LIMIT_S = 5.0
"""How much processor time of its process one guard or one effect may take; they take microseconds."""
LOOKS = 10
"""How often the watching thread looks within that time."""
T = TypeVar("T")


class EndlessError(Exception):
    """A guard or an effect does not come to an end."""

    def __init__(self) -> None:
        """Say so."""
        super().__init__(f"it runs for more than {LIMIT_S:g} s: does it loop?")


class Watch:
    """What watches the bounded calls of one process."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.ends: dict[int, float] = {}
        """By thread: at which processor time its call has run for too long."""
        self.ended: set[int] = set()
        """The threads in which a call was ended."""
        with suppress(RuntimeError):
            threading.Thread(target=self._look, name="watch", daemon=True).start()

    def _look(self) -> None:
        while True:
            time.sleep(LIMIT_S / LOOKS)
            now = time.process_time()
            with self.lock:
                for thread, end in self.ends.items():
                    if now > end:
                        self.ended.add(thread)
                        self.ends[thread] = now + LIMIT_S  # once more, if something swallows it, such as a `__del__`
                        _raise_in(thread, EndlessError)


_watch: Watch | None = None


def bounded(function: Callable[..., T], *args: Any) -> T:
    """Return `function(*args)`.

    Raises:
        EndlessError: if that takes more than `LIMIT_S` of processor time.
    """
    global _watch
    if _watch is None or _watch.process != os.getpid():
        _watch = Watch()
    watch, thread = _watch, threading.get_ident()
    if thread in watch.ends:  # a call within a call has the bound of the outer one
        return function(*args)
    with watch.lock:
        watch.ends[thread] = time.process_time() + LIMIT_S
    try:
        return function(*args)
    finally:
        with watch.lock:
            del watch.ends[thread]
            if thread in watch.ended:
                watch.ended.remove(thread)
                _raise_in(thread, None)  # it may have come to an end by itself in this very moment


def _raise_in(thread: int, error: type[Exception] | None) -> None:
    """Raise an error in another thread at its next step, or take back one that has not been raised yet."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error) if error else None)
