"""Processes that work for another one: none of them outlives it."""

from __future__ import annotations

import os
import threading
import time

LOOKS_EVERY_S = 0.2


def end_with_parent(parent: int) -> None:
    """Let this process end soon after the one that started it, whose id is given, however that one ends.

    To be called by the worker as it starts; it works on every system, and also if the parent is killed.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOKS_EVERY_S)
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
