"""Keeps one adapter: runs it, and sees that neither it nor anything that it started outlives the runner.

It is run as a program of its own, `python -I -S keeper.py PARENT COMMAND...`, imports nothing of ours, and ends when
the adapter has ended, when it is sent SIGTERM, or when the process PARENT is gone, however that came about. On Linux
it also ends whatever the adapter detached from itself: orphans become children of the keeper.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOKS_EVERY_S = 0.2
PATIENCE_S = 0.2


def keep(parent: int, command: list[str]) -> None:
    """Run a command until it ends or the parent does, and exit as it did."""
    asked = (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, asked)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = os.fork()
    if child == 0:
        _become(command, asked)
    for descriptor in range(3):
        os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    status = _wait(child, parent)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE_S
    while status is None and time.monotonic() < deadline:
        status = _ended(child)
        time.sleep(0.01)
    _end_everything(child)
    if status is not None and os.WIFSIGNALED(status):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, asked)
        with contextlib.suppress(OSError):
            signal.signal(os.WTERMSIG(status), signal.SIG_DFL)
        os.kill(os.getpid(), os.WTERMSIG(status))
    os._exit(0 if status is None else os.waitstatus_to_exitcode(status) & 255)


def _become(command: list[str], blocked: tuple[signal.Signals, ...]) -> None:
    try:
        os.setsid()
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode(errors="replace"))
    os._exit(126)


def _wait(child: int, parent: int) -> int | None:
    """Return how the child ended, or None if it is to be ended."""
    while os.getppid() == parent:
        status = _ended(child)
        if status is not None:
            return status
        if hasattr(signal, "sigtimedwait"):
            told = signal.sigtimedwait((signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP, signal.SIGINT), LOOKS_EVERY_S)
            if told is not None and told.si_signo != signal.SIGCHLD:
                return None
        else:
            time.sleep(0.01)
            if signal.sigpending() - {signal.SIGCHLD}:
                return None
    return None


def _ended(child: int) -> int | None:
    """Return how the child ended, or None if it has not; bury every other process that has."""
    status = None
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            if found[0] == child:
                status = found[1]
    return status


def _end_everything(group: int) -> None:
    """Kill the adapter's group, and whoever is a child of this process by now, until nobody is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        children = _children()
        for each in children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(each, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.005)


def _children() -> list[int]:
    """Return the children of this process, as far as the system tells."""
    found = []
    with contextlib.suppress(OSError):
        for each in filter(str.isdigit, os.listdir("/proc")):
            with contextlib.suppress(OSError), open(f"/proc/{each}/stat", "rb") as file:
                # The second field, a name in brackets, may hold anything.
                if int(file.read().rpartition(b")")[2].split()[1]) == os.getpid():
                    found.append(int(each))
    return found


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2:])
