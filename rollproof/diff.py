"""`rollproof diff`: where two protocols behave differently, and which theorems that costs."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from rich.text import Text

from rollproof.model.designs.design import present
from rollproof.model.designs.loading import load
from rollproof.model.runs.run import Run
from rollproof.model.runs.stories import under
from rollproof.model.sessions.campaign import is_file
from rollproof.model.traces.describe import plain
from rollproof.model.traces.rendering import as_text, shown
from rollproof.model.traces.sentences import sentence_of
from rollproof.model.traces.trace import Trace, TraceStep, document_of, story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.output import BROKEN, HELD, Output, UsageError, console, table, unknown, write_json
from rollproof.pictures import write_page
from rollproof.proofs.diff import Behaviour, Change, Compared, Difference, changes, compare, verdicts
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from rollproof.shared import OwnProtocol, adopt, guards_named

PRESENT = "present"
WITHOUT = "without:"


def diff(
    left: str,
    right: str | None = None,
    *,
    protocol: OwnProtocol = None,
    behaviour_only: bool = False,
    html: Output = None,
    jobs: int | None = None,
    json: Output = None,
) -> int:
    """Compare two protocols: what differs, a smallest state and event where they behave differently, and the theorems.

    Exits with 0 if no difference was found, 1 if there is one, 2 on wrong usage.

    Parameters
    ----------
    left:
        A protocol: present, the name of a variant, without:TRANSITION.GUARD, without:GUARD, or FILE.py[:NAME].
    right:
        Another one.
    protocol:
        The other one, in a file: FILE.py, or FILE.py:NAME. Its own theorems are asked of both. The file is Python code,
        and is run.
    behaviour_only:
        Leave out which theorems change their verdict; to find that out both protocols are proved.
    html:
        Write a page that shows both in a browser, side by side, up to where they behave differently.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the result for tools to this file.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    if (right is None) == (protocol is None):
        raise UsageError("give two protocols: LEFT RIGHT, or LEFT --protocol FILE.py")
    ours = protocol_named(left)
    adopt(protocol)
    right, theirs = (right, protocol_named(right)) if right is not None else (protocol or "", present())
    differing, compared = changes(ours, theirs), compare(ours, theirs, jobs)
    _show_changes(left, right, differing)
    _show_behaviour(left, right, compared)
    changed: dict[str, tuple[str, str]] = {}
    if differing and not behaviour_only:
        statuses = (verdicts(ours, jobs), verdicts(theirs, jobs))
        changed = {name: (statuses[0][name], statuses[1][name]) for name in statuses[0]}
        changed = {name: pair for name, pair in changed.items() if pair[0] != pair[1]}
        _show_theorems(left, right, changed)
    if html is not None:
        write_page(html, {} if compared.difference is None else {"": _pictured(ours, theirs, compared.difference)})
    if json is not None:
        write_json(json, _document(left, right, differing, compared, None if behaviour_only else changed))
    return HELD if compared.difference is None else BROKEN


def protocol_named(name: str) -> Protocol:
    """Return the protocol that a name means.

    Raises:
        UsageError: if it means none.
    """
    if name == PRESENT:
        return PROTOCOL
    if is_file(name):
        return load(name).protocol
    if name in VARIANTS:
        return VARIANTS[name].protocol
    if not name.startswith(WITHOUT):
        raise unknown("protocol", name, [PRESENT, *VARIANTS, f"{WITHOUT}TRANSITION.GUARD"])
    protocol = PROTOCOL
    for transition, guard in guards_named(name.removeprefix(WITHOUT)):
        protocol = protocol.without(transition, guard)
    return protocol


def _show_changes(left: str, right: str, differing: list[Change]) -> None:
    if not differing:
        console().print(f"{left} and {right} are the same")
        return
    rows = table("What differs", "part", left, right)
    for each in differing:
        rows.add_row(each.part, each.left, each.right)
    console().print(rows)


def _show_behaviour(left: str, right: str, compared: Compared) -> None:
    difference = compared.difference
    if difference is None:
        if compared.counts:
            scope = ", ".join(
                f"{each.instance} ({each.states} states{'' if each.exhausted else ', not all'})"
                for each in compared.counts
            )
            console().print(f"\nNo difference in behaviour was found in: {scope}", soft_wrap=True)
        return
    console().print("\nBoth behave alike up to here:\n")
    console().print(_run(difference.trace), soft_wrap=True)
    args = ", ".join(f"{name} {shown(plain(value))}" for name, value in difference.args)
    console().print(Text.assemble("\nThen comes ", (f"{difference.event}({args})", "bold"), ":"), soft_wrap=True)
    for name, behaviour in ((left, difference.left), (right, difference.right)):
        console().print(f"  {name}: {_told(behaviour)}", soft_wrap=True)
    for part, (ours, theirs) in sorted(difference.parts.items(), key=lambda each: _weight(each[0])):
        if part == "events":
            _show_events(left, right, ours, theirs)
            continue
        for label, *values in _apart(part, ours, theirs):
            console().print(f"  {label}: {shown(values[0])} | {shown(values[1])}", soft_wrap=True)


MATTERS = (
    *("canonical", "speculative", "simulation", "known_inputs", "pending_rollback", "replay_cursor", "snapshots"),
    *("own_end", "termination", "announced_ends", "phase", "confirmed", "promoted", "frame"),
)
"""The parts of a state whose differences matter most, in that order: records and inputs, the end, progress."""
COUNTS = ("metrics", "ticks")
"""Those whose differences are differences of counters only."""


def _weight(part: str) -> int:
    """Return where a part is told: what matters first, then events and everything else, counters last."""
    rest = len(MATTERS) + 1
    if part == "events":
        return len(MATTERS)
    return MATTERS.index(part) if part in MATTERS else rest + 1 if part in COUNTS else rest


def _show_events(left: str, right: str, ours: Any, theirs: Any) -> None:
    """Show what only one of two steps tells, as sentences."""
    for name, told, other in ((left, ours, theirs), (right, theirs, ours)):
        for kind, details in told:
            if (kind, details) not in other:
                console().print(f"  only {name} tells: {sentence_of(kind, details)}", soft_wrap=True)


def _run(trace: Trace) -> Text | str:
    return as_text(story_of(trace)) if trace.steps else f"the start of instance {trace.instance!r}\n"


def _pictured(ours: Protocol, theirs: Protocol, difference: Difference) -> list[Run]:
    """Return the run of each protocol up to the difference, and what it then does."""
    trace, last = difference.trace, difference.trace.end
    step = TraceStep(difference.event, "", tuple(difference.args), (), last, last, trace.player)
    whole = evolve(trace, steps=(*trace.steps, step))
    return [under(whole, ours), under(whole, theirs)]


def _told(behaviour: Behaviour) -> str:
    match behaviour.kind:
        case "refused":
            return f"refused by guard {behaviour.detail}"
        case "raised":
            return f"raises {behaviour.detail}"
        case "unknown":
            return "has no such transition"
        case _:
            return "happens"


def _apart(part: str, ours: Any, theirs: Any) -> list[tuple[str, Any, Any]]:
    """Return the entries in which two values differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
        return [(f"{part}.{name}", ours.get(name), theirs.get(name)) for name in names]
    return [(part, ours, theirs)]


def _show_theorems(left: str, right: str, changed: dict[str, tuple[str, str]]) -> None:
    if not changed:
        console().print("\nNo theorem changes its verdict.")
        return
    rows = table("\nTheorems that change their verdict", "theorem", left, right)
    for name, pair in sorted(changed.items(), key=lambda each: "refuted" not in each[1]):
        rows.add_row(name, *pair)
    console().print(rows)


def _document(
    left: str,
    right: str,
    differing: list[Change],
    compared: Compared,
    changed: dict[str, tuple[str, str]] | None,
) -> dict[str, Any]:
    difference = compared.difference
    return {
        "left": left,
        "right": right,
        "changes": [{"part": each.part, "left": each.left, "right": each.right} for each in differing],
        "difference": None if difference is None else _difference(difference),
        "scope": [
            {"instance": each.instance, "states": each.states, "exhausted": each.exhausted} for each in compared.counts
        ],
        "theorems": None
        if changed is None
        else {name: {"left": ours, "right": theirs} for name, (ours, theirs) in changed.items()},
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "trace": document_of(story_of(difference.trace)),
        "event": difference.event,
        "args": {name: plain(value) for name, value in difference.args},
        "left": {"kind": difference.left.kind, "detail": difference.left.detail},
        "right": {"kind": difference.right.kind, "detail": difference.right.detail},
        "parts": {
            label: {"left": str(ours), "right": str(theirs)}
            for part, pair in difference.parts.items()
            for label, ours, theirs in _apart(part, *pair)
        },
    }
