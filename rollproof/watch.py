"""`rollproof verify --watch`: a verdict each time that a protocol file is saved."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from attrs import frozen

from rollproof.model.designs.design import Design, present
from rollproof.model.designs.digests import digest, digest_of_statements
from rollproof.model.designs.loading import load, split
from rollproof.model.documents import DocumentError
from rollproof.model.slips import SlipError
from rollproof.model.theorems.environment import ASSUMPTIONS, WHATEVER_PARTNERS_SAY
from rollproof.model.theorems.possibility import CONDITIONS
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.output import HELD, UsageError, console
from rollproof.proofs.cache import Store
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

LOOKS_EVERY_S = 0.1
"""How often a file is looked at."""
SHOWN = 8
"""How many names of what has changed are shown."""
Digests = dict[str, str]
"""Of each part of a design, by what it is called."""
First = Callable[[Design, Store, int | None, float], int]
"""Of (design, store, jobs, when it began): shows a verdict, and returns its exit code."""


def watch(own: str, jobs: int | None, store: Store | None, first: First, then: Callable[[], object]) -> int:
    """Judge a protocol file now, and whenever it is saved, until it is interrupted.

    Each verdict comes from a process of its own, so nothing that the file does stays. `first` shows the verdict as soon
    as possible, and returns its exit code; if it holds, `then` looks further, until the file is saved again.

    Raises:
        UsageError: if there is no such file.
    """
    file = Path(split(own)[0])
    if not file.is_file():
        raise UsageError(f"{file}: there is no such file")
    if store is None:
        raise UsageError("--watch needs the cache, and its folder cannot be used: see ROLLPROOF_CACHE")
    context = multiprocessing.get_context("fork")
    last: Digests = {}
    for number, saved in enumerate(_saves(file)):
        console().rule(f"{file} {'as it is' if number == 0 else 'was saved'}, {time.strftime('%H:%M:%S')}")
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_judged, args=(own, jobs, store, first, then, last, theirs))
        child.start()
        theirs.close()
        while child.is_alive() and not saved.is_over():
            child.join(LOOKS_EVERY_S)
        with contextlib.suppress(EOFError):  # the file could not be loaded
            last = ours.recv() if ours.poll() else last
        if child.is_alive():
            child.terminate()
            child.join(2.0)
            child.kill()
        child.join()
        ours.close()
    return HELD


@frozen
class _Saved:
    """One state of a file."""

    file: Path
    stamp: tuple[int, int]

    def is_over(self) -> bool:
        """Tell whether the file has been saved again; while it is being replaced it has not."""
        return _stamp(self.file) not in (None, self.stamp)


def _saves(file: Path) -> Iterator[_Saved]:
    seen: tuple[int, int] | None = None
    while True:
        stamp = _stamp(file)
        if stamp is not None and stamp != seen:
            seen = stamp
            yield _Saved(file, stamp)
        else:
            time.sleep(LOOKS_EVERY_S)


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        about = file.stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_size


def _judged(
    own: str,
    jobs: int | None,
    store: Store,
    first: First,
    then: Callable[[], object],
    last: Digests,
    answer: Connection,
) -> None:
    """Judge the file in this process, and answer with the digests of its parts as soon as it is loaded."""
    started = time.perf_counter()
    try:
        design = load(own)
        design.adopt()
        now = digests_of(present())
        answer.send(now)
        changed = [name for name in {**last, **now} if last.get(name) != now.get(name)] if last else []
        if last:
            more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
            console().print(f"changed: {', '.join(changed[:SHOWN]) or 'nothing that matters'}{more}", soft_wrap=True)
        if first(design, store, jobs, started) == HELD:
            then()
    except (DocumentError, SlipError) as error:
        console().print(f"rollproof: {error}", style="bold red", soft_wrap=True)


def digests_of(protocol: Protocol) -> Digests:
    """Return the digests of what a design has of its own: transitions, guards, properties, conditions, assumptions."""
    found: Digests = {}
    for name, each in protocol.transitions.items():
        if PROTOCOL.transitions.get(name) != each:
            found[name] = digest(each.effect, each.takes)
            found |= {f"{name}.{guard.name}": digest(guard) for guard in each.guards}
    found |= {name: digest_of_statements(each) for name, each in PROPERTIES.items()}
    tables: tuple[Mapping[str, Any], ...] = (CONDITIONS, ASSUMPTIONS, WHATEVER_PARTNERS_SAY)
    for table in tables:
        found |= {f"what is stated of {name}": digest_of_statements(each) for name, each in table.items()}
    found["what is kept beside"] = digest(type(protocol.extra), protocol.extra)
    return {**found, "the order of a tick": digest(protocol.tick), "the order of a poll": digest(protocol.poll)}
