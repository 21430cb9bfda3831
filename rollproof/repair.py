"""`rollproof repair`: for a protocol that goes wrong, the guards over its own words with which everything is proved."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any

from cyclopts import Parameter

from rollproof.model.rules import check_citations
from rollproof.model.traces.trace import Trace
from rollproof.output import HELD, UNDECIDED, Output, UsageError, console, many, table, write_json
from rollproof.proofs.cache import Store
from rollproof.proofs.counterexamples import load, replay
from rollproof.proofs.induction import Memory
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import HARM, THEOREMS
from rollproof.proofs.quick import FIRST_LIMITS, find_run
from rollproof.proofs.repair import Mend, Repair
from rollproof.proofs.repair import repair as repaired
from rollproof.proofs.verdict import LAST_LIMIT, judge
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from rollproof.shared import OwnProtocol, adopt, protocol_asked


def repair(
    *,
    without: str | None = None,
    variant: str | None = None,
    own: OwnProtocol = None,
    most: int = 3,
    cached: Annotated[bool, Parameter(name="--cache")] = False,
    jobs: int | None = None,
    json: Output = None,
) -> int:
    """Look for the guard that mends a protocol: over its own words, at the transition to blame, with everything proved.

    A mend stops the run that goes wrong, every transition is still taken, and every theorem is proved with it. Those
    that refuse the fewest steps come first. What is not proved is not told. Exits with 0 if there is a mend, or nothing
    to mend; with 2 on wrong usage; with 3 if none was found, or no run goes wrong but not everything is proved.

    Parameters
    ----------
    without:
        Mend the protocol without a guard: TRANSITION.GUARD, or GUARD for every transition that has it.
    variant:
        Mend a named variant of the protocol.
    own:
        Mend the protocol of this file: FILE.py, or FILE.py:NAME. The file is Python code, and is run; nothing is
        written to it.
    most:
        How many mends are looked for (1 to 20).
    cached:
        Do not prove again what was proved before, as `rollproof verify --cache` does.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the result for tools to this file.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    if not 1 <= most <= 20:
        raise UsageError(f"--most must be from 1 to 20, not {most}")
    adopt(own)
    protocol, key = protocol_asked(without, variant)
    check_citations(protocol)
    started = time.perf_counter()
    kept = load().get(key) if key is not None else None
    trace = None if kept is None else replay(protocol, kept, HARM) or replay(protocol, kept, THEOREMS)
    if trace is None:
        changed = [name for name, each in protocol.transitions.items() if PROTOCOL.transitions.get(name) != each]
        trace = find_run(protocol, changed or protocol.transitions, load().values(), jobs, (*FIRST_LIMITS, LAST_LIMIT))
    if trace is None:
        judgement = judge(protocol, None, None, jobs)
        trace = judgement.trace
        if trace is None:
            return _nothing(judgement.status, json)
    found = repaired(protocol, trace, _memory(cached), jobs, most)
    show_repair(found, trace)
    console().print(f"in {time.perf_counter() - started:.1f} s", soft_wrap=True)
    if json is not None:
        write_json(json, _document(found))
    return HELD if found.mends else UNDECIDED


def _nothing(status: str, json: Any) -> int:
    told = "everything is proved: there is nothing to mend" if status == "proved" else "no run of steps that goes wrong"
    console().print(f"No mend was looked for: {told}.")
    if json is not None:
        write_json(json, {"status": status, "mends": []})
    return HELD if status == "proved" else UNDECIDED


def _memory(cached: bool) -> Callable[[Protocol], Memory | None]:
    store = Store.open() if cached else None
    return lambda protocol: None if store is None else Kept(store, protocol)


def show_repair(found: Repair, trace: Trace) -> None:
    """Show the mends of a run that goes wrong."""
    violation = trace.violation
    if violation is not None:
        run = many(len(trace.steps), "step")
        console().print(
            f"What goes wrong: {violation.property} ({violation.clause}) fails after {run}.", soft_wrap=True
        )
    scope = f"{found.tried} tried at {', '.join(found.blamed)}; {found.stopping} of them stop the run"
    if not found.mends:
        console().print(f"No mend was found, of {scope}.", soft_wrap=True)
        return
    rows = table("Guards with which everything is proved", "transition", "guard", "refuses", numbers=("refuses",))
    for each in found.mends:
        rows.add_row(each.transition, each.text, f"{each.refused} of {many(each.steps, 'step')}")
    console().print(rows)
    console().print(f"Of {scope}. As code: {as_code(found.mends[0])}", soft_wrap=True)


def as_code(mend: Mend) -> str:
    """Return how a protocol file adds the guard."""
    of = f"PROTOCOL.transitions[{mend.transition!r}]"
    what = mend.text if mend.text.isidentifier() else "mend"
    return f"{of}.guarded_by(*{of}.guards, {what})"


def _document(found: Repair) -> dict[str, Any]:
    return {
        "status": "refuted",
        "mends": [
            {"transition": each.transition, "guard": each.text, "refused": each.refused, "steps": each.steps}
            for each in found.mends
        ],
        "tried": found.tried,
        "stopping": found.stopping,
        "blamed": list(found.blamed),
    }
