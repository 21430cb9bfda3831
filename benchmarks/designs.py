"""How soon a verdict follows an edit of a protocol file, and how often a guard that was taken out is found again."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.registry import Ratio, benchmark
from rollproof.model.designs.loading import load
from rollproof.proofs import counterexamples
from rollproof.proofs.cache import Store
from rollproof.proofs.counterexamples import replay
from rollproof.proofs.induction import prove
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import HARM, THEOREMS
from rollproof.proofs.quick import judge_quickly
from rollproof.proofs.repair import repair
from rollproof.reference.protocol import PROTOCOL

EDITS = int(os.environ.get("ROLLPROOF_EDITS", "100"))
"""How many edits are made."""
COLD = int(os.environ.get("ROLLPROOF_COLD", "10"))
"""Every how many edits the verdict is compared with one from nothing."""
GUARDS = int(os.environ.get("ROLLPROOF_GUARDS", "12"))
"""How many guards are taken out."""
HEAD = """from __future__ import annotations
from rollproof import PROTOCOL, evolve, guard, theorem
from rollproof.reference import guards as g
@guard()
def early(peer):
    '''It is early.'''
    return peer.frame < {limit}
T = PROTOCOL.transitions
"""
STATED = (
    """@theorem(trusting=False)
def mine(q, peer):
    '''It is counted.'''
    return {{"counted": peer.ticks >= {least}}}
""",
    """@theorem(of="step", trusting=False)
def mine(q, step):
    '''Ticks are not taken back.'''
    old, new = step.before.ticks, step.after.ticks
    return {{"kept": q.implies(step.transition != "reset_episode", lambda: new >= old + {least})}}
""",
)
"""Of a state, and of a step; with 0 they are true, and with 1 they are not."""


def edits() -> Iterator[str]:
    """Yield protocol files, each an edit of the one before: guards taken out, put back, doubled and added, in turn.

    Every fifth time a theorem is edited in place of a guard.
    """
    pairs = [(each.name, guard.name) for each in PROTOCOL.transitions.values() for guard in each.guards]
    for number, (name, guard) in enumerate(pairs):
        if number % 5 == 4:
            own = STATED[number // 5 % 2].format(least=number // 10 % 3 // 2)
            yield f"{HEAD.format(limit=5)}{own}MINE = PROTOCOL.replace('mine')\n"
            continue
        kept = f"*(each for each in T[{name!r}].guards if each.name != {guard!r})"
        guards = (kept, f"*T[{name!r}].guards, T[{name!r}].guards[0]", f"*T[{name!r}].guards, early")[number % 3]
        yield f"{HEAD.format(limit=number + 5)}MINE = PROTOCOL.replace('mine', T[{name!r}].guarded_by({guards}))\n"


@benchmark
def edit_to_verdict() -> Iterator[Ratio]:
    """A protocol file is edited again and again; from each edit to its verdict, with everything else known."""
    runs = list(counterexamples.load().values())
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "cache")
        assert store is not None
        started = time.perf_counter()
        assert judge_quickly(PROTOCOL, Kept(store, PROTOCOL), runs).status == "proved"
        cold = time.perf_counter() - started
        took, same, compared = [], 0, 0
        file = Path(folder) / "mine.py"
        for number, text in enumerate(islice(edits(), EDITS)):
            file.write_text(text)
            started = time.perf_counter()
            with load(str(file)).in_force() as protocol:
                found = judge_quickly(protocol, Kept(store, protocol), runs)
                took.append(time.perf_counter() - started)
                if number % COLD == 0:
                    compared += 1
                    same += (not prove(protocol).unproved) == (found.status == "proved")
    middle, late = statistics.median(took), statistics.quantiles(took, n=20)[-1]
    yield Ratio("median from edit to verdict, seconds", middle, at_most=1, detail=f"{len(took)} edits, two cores")
    yield Ratio("95th percentile, seconds", late, at_most=3)
    yield Ratio("median / the first verdict", middle / cold, detail=f"{cold:.1f} s")
    yield Ratio("verdicts that are those of a proof from nothing", same / max(compared, 1), at_least=1)


@benchmark
def mends() -> Iterator[Ratio]:
    """Needed guards are taken out in turn; how often that guard, or a weaker one that is proved, is found."""
    kept = [(name, each) for name, each in counterexamples.load().items() if "." in name]
    tried = found = again = 0
    first: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(Path(folder) / "cache")
        assert store is not None
        for removed, counterexample in kept[:: max(1, len(kept) // GUARDS)][:GUARDS]:
            transition, guard = removed.split(".")
            protocol = PROTOCOL.without(transition, guard)
            trace = replay(protocol, counterexample, HARM) or replay(protocol, counterexample, THEOREMS)
            if trace is None:
                continue
            tried += 1
            started = time.perf_counter()
            mended = repair(protocol, trace, lambda mended: Kept(store, mended), most=1).mends
            if mended:
                found += 1
                again += mended[0].text == guard
                first.append(time.perf_counter() - started)
    yield Ratio(
        "mended, of guards taken out", found / max(tried, 1), detail=f"{found} of {tried}; {again} by that guard"
    )
    if first:
        yield Ratio("median time to the first mend, seconds", statistics.median(first))
