"""The protocol with its text changed: the modules of the reference that hold transitions, compiled anew."""

from __future__ import annotations

import linecache
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from attrs import evolve

from rollproof.proofs.induction import Discharge, cases, discharge
from rollproof.proofs.obligations import before
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol, Transition

FOLDER = Path(__file__).parents[1] / "reference"
MODULES = ("world", "guards", "rollback", "inputs", "buffers", "episode", "transport", "desync")
"""In the order in which they import each other."""


def edited(name: str, *edits: tuple[str, str, str]) -> Protocol:
    """Return the protocol after edits of the reference: each a module, an old text that is there once, and a new one.

    The classes of states, events and messages are those of the reference itself.
    """
    texts = {module: (FOLDER / f"{module}.py").read_text(encoding="utf-8") for module in MODULES}
    for module, old, new in edits:
        assert texts[module].count(old) == 1, f"{name}: {module}: {old!r} is there {texts[module].count(old)} times"
        texts[module] = texts[module].replace(old, new)
    first = min(MODULES.index(module) for module, _, _ in edits)
    saved = {full: sys.modules[full] for full in map(_full, MODULES)}
    made: dict[str, Transition] = {}
    try:
        for module in MODULES[first:]:
            made.update(_compiled(name, module, texts[module]))
    finally:
        sys.modules.update(saved)
    return PROTOCOL.replace(name, *(each for key, each in made.items() if key in PROTOCOL.transitions))


def left_open(protocol: Protocol, transition: str, *asked: str, effort: int = 150_000) -> Iterator[Discharge]:
    """Yield the obligations of a transition that are not proved, of these properties alone; no other is tried."""
    for case in cases(protocol, before(protocol), transition):
        goals = {key: goal for key, goal in case.goals.items() if key[0] in asked}
        yield from (found for found in discharge(evolve(case, goals=goals), effort) if not found.proved)


def _full(module: str) -> str:
    return f"rollproof.reference.{module}"


def _compiled(name: str, module: str, text: str) -> dict[str, Transition]:
    file = f"<{name}>/reference/{module}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    new = ModuleType(_full(module))
    new.__file__ = file
    sys.modules[_full(module)] = new
    exec(compile(text, file, "exec"), vars(new))
    return {each.name: each for each in vars(new).values() if isinstance(each, Transition)}
