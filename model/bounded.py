"""A bound on how long the code under examination may run: one that never ends must not stop the examiner."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any, TypeVar

LIMIT_S = 5.0
"""How much processor time one guard or one effect may take; they take microseconds."""
T = TypeVar("T")


class EndlessError(Exception):
    """A guard or an effect does not come to an end."""


def bounded(function: Callable[..., T], *args: Any) -> T:
    """Return `function(*args)`. Only the main thread of a process can be bounded; elsewhere there is no bound.

    Raises:
        EndlessError: if that takes more than `LIMIT_S` of processor time.
    """
    if threading.current_thread() is not threading.main_thread():
        return function(*args)
    if signal.getsignal(signal.SIGVTALRM) is not _end:
        signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        return function(*args)
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _end(*_: object) -> None:
    raise EndlessError(f"it runs for more than {LIMIT_S:g} s: does it loop?")
