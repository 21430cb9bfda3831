"""Whether to trust a proof: what shows that it says something (vacuity, necessity of guards, negative controls)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from attrs import frozen

from rollproof.model.search.instances import INSTANCES
from rollproof.model.search.search import Refuted, search
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Property, name_of
from rollproof.model.traces.trace import Trace
from rollproof.model.variants.variants import VARIANTS
from rollproof.model.workers import in_parallel
from rollproof.proofs.counterexamples import Counterexample, replay
from rollproof.proofs.induction import ProofReport
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import THEOREMS, GuardVerdict, check_guard, told_of
from rollproof.proofs.paths import Examined, PathShown, examined, expected_besides
from rollproof.proofs.unused import unused_lemmas
from rollproof.proofs.vacuity import Clause, Seen, look, look_along, look_at_pairs, look_for, merged
from rollproof.proofs.witnesses import load as witnesses
from rollproof.reference.transition import Protocol

CONTROL_LIMIT = 30_000
"""How many states of an instance are searched to refute a variant."""
GUARDS, PATHS, UNUSED = "guards", "paths", "unused lemmas"
"""What is noted of a whole protocol (`Kept`)."""


@frozen
class Control:
    """Whether a protocol that is known to be wrong is refuted."""

    variant: str
    sentence: str
    expected: tuple[str, ...]
    """The theorems that it is known to violate."""
    trace: Trace | None
    """A run that violates one."""


@frozen
class Trust:
    """What shows that the proof says something."""

    guards: tuple[GuardVerdict, ...]
    controls: tuple[Control, ...]
    never_taken: tuple[str, ...]
    """Transitions that are never taken."""
    untested: tuple[Clause, ...]
    """Clauses whose premises never hold."""
    states: int
    """How many states were looked at for that."""
    unused: tuple[str, ...] = ()
    """Lemmas that no theorem needs. They do no harm."""
    paths: tuple[PathShown, ...] = ()
    """Every path through every transition, and whether it is really taken."""
    expected: int = 0
    """How many obligations there must be, counted from the properties and the paths, and not from the proof."""
    made: int = 0
    """How many the proof has discharged."""

    @property
    def complete(self) -> bool:
        """Whether every guard is decided, every control refuted, and nothing is vacuous."""
        decided = all(each.verdict != "undecided" for each in self.guards)
        refuted = all(each.trace is not None for each in self.controls)
        shown = bool(self.paths) and all(each.verdict != "not shown" for each in self.paths)
        nothing_lost = self.expected == self.made
        return decided and refuted and shown and nothing_lost and not self.never_taken and not self.untested


def trust(
    protocol: Protocol,
    report: ProofReport,
    counterexamples: dict[str, Counterexample],
    jobs: int | None = None,
    progress: Callable[[], object] = lambda: None,
    memory: Kept | None = None,
) -> Trust:
    """Find out whether the proof says something: vacuity, necessity of every guard, negative controls.

    What takes long and is in `memory` is not found out again: which paths are taken, and what is needed.
    """
    expected = {
        (each.property, each.clause)
        for each in report.discharges
        if each.property in PROPERTIES and PROPERTIES[each.property].scope not in ("possibility", "product", "round")
    }
    known = _Known.recalled(protocol, memory)
    guards = [(each.name, guard.name) for each in protocol.transitions.values() for guard in each.guards]

    def task(item: tuple[str, ...]) -> Any:
        match item:
            case ("along",):
                return look_along(protocol, witnesses(), expected)
            case ("pairs",):
                return look_at_pairs(protocol, INSTANCES["episodes"])
            case ("guard", transition, guard):
                return check_guard(protocol, transition, guard, counterexamples.get(f"{transition}.{guard}"))
            case ("control", name):
                return control(name, counterexamples.get(name))
            case ("paths", name):
                return examined(protocol, name)
            case ("lemmas",):
                return unused_lemmas(protocol)
        raise ValueError(item)

    items = [
        *([("lemmas",)] if known.unused is None else []),
        *(("paths", name) for name in (protocol.transitions if known.paths is None else ())),
        ("along",),
        ("pairs",),
        *(("guard", *each) for each in (guards if known.guards is None else ())),
        *(("control", name) for name in VARIANTS),
    ]
    results = []
    for result in in_parallel(task, items, jobs):
        results.append(result)
        progress()
    seen = merged(each for each in results if isinstance(each, Seen))
    open_ = expected - seen.tested
    looked = in_parallel(lambda name: look(protocol, INSTANCES[name], open_), INSTANCES if open_ else (), jobs)
    seen = merged((seen, *looked))
    missing = [name for name in protocol.transitions if name not in seen.taken]
    seen = merged((seen, *in_parallel(lambda name: look_for(protocol, name, expected), missing, jobs)))
    known = known.with_rest(results)
    known.note(memory)
    paths, verdicts, unused = known.paths or [], known.guards or [], known.unused or []
    return Trust(
        tuple(verdicts),
        tuple(each for each in results if isinstance(each, Control)),
        tuple(name for name in protocol.transitions if name not in seen.taken),
        tuple(sorted(expected - seen.tested)),
        seen.states,
        tuple(unused),
        tuple(path for each in paths for path in each.paths),
        expected_besides(protocol) + sum(each.obligations for each in paths),
        len(report.discharges),
    )


@frozen
class _Known:
    """What takes long to find out, each None if it is not known: it is recalled, or found out and then noted."""

    unused: list[str] | None
    paths: list[Examined] | None
    guards: list[GuardVerdict] | None

    @staticmethod
    def recalled(protocol: Protocol, memory: Kept | None) -> _Known:
        """Return what was noted of a protocol."""
        if memory is None:
            return _Known(None, None, None)
        unused, paths, verdicts = map(memory.recall, (UNUSED, PATHS, GUARDS))
        pairs = [(each.name, guard.name) for each in protocol.transitions.values() for guard in each.guards]
        return _Known(
            unused,
            None if paths is None else [Examined.of(each) for each in paths],
            None if verdicts is None
            else [GuardVerdict(*told_of(protocol, *each), verdicts[".".join(each)]) for each in pairs],
        )  # fmt: skip

    def with_rest(self, results: list[Any]) -> _Known:
        """Return it with what was found out now."""
        unused = [name for each in results if isinstance(each, list) for name in each]
        paths = [each for each in results if isinstance(each, Examined)]
        guards = [each for each in results if isinstance(each, GuardVerdict)]
        return _Known(
            unused if self.unused is None else self.unused,
            paths if self.paths is None else self.paths,
            guards if self.guards is None else self.guards,
        )

    def note(self, memory: Kept | None) -> None:
        """Note what is known, but for what is undecided."""
        if memory is None:
            return
        memory.note(UNUSED, self.unused)
        paths, guards = self.paths or [], self.guards or []
        if all(path.verdict != "not shown" for each in paths for path in each.paths):
            memory.note(PATHS, [attrs.asdict(each) for each in paths])
        if all(each.verdict != "undecided" for each in guards):
            memory.note(GUARDS, {f"{each.transition}.{each.guard}": each.verdict for each in guards})


def control(name: str, counterexample: Counterexample | None) -> Control:
    """Refute a variant, by a theorem that it is said to violate if there is one."""
    variant = VARIANTS[name]
    asked: list[Property | str] = [each for each in THEOREMS if name_of(each) in variant.refuted_by]
    wanted = asked or list(THEOREMS)
    trace = replay(variant.protocol, counterexample, wanted) if counterexample is not None else None
    if trace is None:
        result = search(variant.protocol, wanted, limit=CONTROL_LIMIT)
        trace = result.trace if isinstance(result, Refuted) else None
    return Control(name, variant.sentence, variant.refuted_by, trace)
