"""How long a verdict takes, against a fixed amount of work that is measured in the same run."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import z3

from benchmarks.registry import Ratio, benchmark, seconds
from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import search
from rollproof.proofs.counterexamples import load
from rollproof.proofs.induction import prove
from rollproof.proofs.necessity import THEOREMS
from rollproof.proofs.trust import trust
from rollproof.proofs.verdict import judge
from rollproof.reference.protocol import PROTOCOL

CORES = 2
"""On how many idle cores the targets are to be met. Here everything runs in one process, and is divided by this."""
WHOLE_S, PROOF_S, GUARD_S = 20, 5, 2
"""The targets, in seconds."""


@cache
def unit() -> float:
    """Return the processor time of a fixed piece of work for Python and z3, which a proof consists of."""

    def work() -> None:
        x = z3.Int("x")
        for number in range(2_000):
            solver = z3.Solver()
            solver.add(x > number, z3.simplify(x + x + number) < number)
            solver.check()

    return min(seconds(work) for _ in range(3))


def against_unit(what: str, spent: float, target: float, cores: int = CORES) -> Iterator[Ratio]:
    """Yield how much work it is, and whether it would take less than the target."""
    yield Ratio(f"{what} / fixed work", spent / unit(), detail=f"{spent:.1f} s / {unit():.2f} s of processor time")
    yield Ratio(f"{what}: seconds on {cores} cores", spent / cores, at_most=target)


@benchmark
def proof() -> Iterator[Ratio]:
    """Prove every theorem of the present protocol."""
    yield from against_unit("proof", seconds(lambda: prove(PROTOCOL, jobs=1)), PROOF_S)


@benchmark
def verify_whole() -> Iterator[Ratio]:
    """Prove it, and show that the proof says something."""

    def whole() -> None:
        judgement = judge(PROTOCOL, jobs=1)
        assert judgement.report is not None
        assert trust(PROTOCOL, judgement.report, load(), jobs=1).complete

    yield from against_unit("whole verify", seconds(whole), WHOLE_S)


@benchmark
def removed_guard() -> Iterator[Ratio]:
    """Refute the protocol without one guard, with no run that is known beforehand."""
    spent = seconds(lambda: judge(PROTOCOL.without("promote_frame", "no_rollback_pending"), jobs=1))
    yield from against_unit("one removed guard", spent, GUARD_S, cores=1)


@benchmark
def search_speed() -> Iterator[Ratio]:
    """Look at every theorem in every state of an instance."""
    counted: list[int] = []
    spent = seconds(lambda: counted.append(search(PROTOCOL, THEOREMS, [INSTANCES["ending"]]).counts[0].states))
    yield Ratio("states / fixed work", counted[0] / spent * unit(), detail=f"{counted[0] / spent:,.0f} states a second")
