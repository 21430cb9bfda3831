"""The verdict on a protocol: proved, refuted or undecided, theorem by theorem, and whether to trust the proof."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import attrs
from attrs import define, field, frozen

from rollproof.model.search.explorer import described
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.model.search.search import Count, Refuted, Result, search, suited
from rollproof.model.sessions.examined import Broken, broken_law
from rollproof.model.slips import SlipError
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES, is_trusting
from rollproof.model.theorems.property import Property
from rollproof.model.traces.trace import Trace
from rollproof.model.variants.variants import VARIANTS
from rollproof.model.workers import in_parallel
from rollproof.proofs.counterexamples import Counterexample, load, replay, replay_any
from rollproof.proofs.induction import Discharge, ProofReport, prove
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import HARM, THEOREMS, GuardVerdict, check_guard, told_of
from rollproof.proofs.paths import Examined, PathShown, examined, expected_besides
from rollproof.proofs.played import Played, Sessions, play_held, standstill
from rollproof.proofs.unused import unused_lemmas
from rollproof.proofs.vacuity import Clause, Seen, look, look_along, look_at_pairs, look_for, merged
from rollproof.proofs.witnesses import load as witnesses
from rollproof.reference.transition import Protocol

Status = Literal["proved", "refuted", "undecided"]
SENTENCE_OF_CRASHES = "No guard and no effect ever raises."
FIRST_LIMIT = 120
"""How many states of an instance are searched before the proof is tried: most mistakes show in them, at once."""
NEXT_LIMIT = 300
"""How many states of an instance are searched when the proof has failed."""
LAST_LIMIT = 10_000
"""How many states of an instance are searched when nothing else shows what is wrong."""
CONTROL_LIMIT = 30_000
"""How many states of an instance are searched to refute a variant."""
LOOKED, PLAYED, GUARDS = "nothing goes wrong at first", "sessions", "guards"
PATHS, UNUSED = "paths", "unused lemmas"
"""What is noted of a whole protocol (`Kept`)."""

HELD_BACK = frozenset(
    {
        "what_is_unacknowledged_is_sent_again",
        "confirmed_wait_succeeds",
        *(each.name for each in PROPERTIES.values() if {"LI-1", "LI-2"} & set(each.rules)),
    }
)
"""The theorems of which a run that violates them shows a step that is held back, and not what comes of that."""


@frozen
class Judged:
    """What is known of one theorem or lemma."""

    name: str
    kind: str
    sentence: str
    rules: tuple[str, ...]
    status: Status
    obligations: int
    open: tuple[Discharge, ...] = ()
    """Its obligations that are not proved."""


@frozen
class Judgement:
    """What is known of a protocol."""

    protocol: str
    judged: tuple[Judged, ...]
    trace: Trace | None
    """A run that violates a theorem."""
    report: ProofReport | None
    """None if a run was found before a proof was tried."""
    searched: str
    """Where a violation was searched for, if the proof failed and none was found."""
    played: Played | None = None
    """What came of the sessions; None if a run was found before, or only a part was to be proved."""
    failed: tuple[str, ...] = ()
    """The instances that could not be searched, and why: then nothing is called proved."""

    @property
    def broken(self) -> Broken | None:
        """What a session breaks."""
        return None if self.played is None else self.played.broken

    @property
    def status(self) -> Status:
        """Refuted if anything is; else proved if all is; else undecided."""
        if self.trace is not None or self.broken is not None:
            return "refuted"
        proved = bool(self.judged) and all(each.status == "proved" for each in self.judged) and not self.failed
        return "proved" if proved else "undecided"


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


@define
class _Searched:
    """What came of a search through several instances."""

    trace: Trace | None = None
    counts: list[Count] = field(factory=list)
    failed: list[str] = field(factory=list)


def judge(
    protocol: Protocol,
    transitions: Iterable[str] | None = None,
    players: int | None = None,
    jobs: int | None = None,
    progress: Callable[[], object] = lambda: None,
    option: str = "",
    memory: Kept | None = None,
) -> Judgement:
    """Prove a protocol, or find a run or a session that goes wrong.

    `transitions` and `players` restrict what is proved. `option` is what `rollproof simulate` needs to play a session
    under the same protocol. What is in `memory` is not proved, played or searched again.
    """
    played: Played | None = None
    failed: tuple[str, ...] = ()
    if transitions is None and (memory is None or memory.recall(LOOKED) is None):
        kept = replay_any(protocol, load().values(), HARM, jobs)
        if kept is not None:
            return _refuted(protocol, kept, option, jobs)
        law = broken_law(f"--laws{option}", protocol)
        if law is not None:
            return _broken(protocol, law)
        first = _searched(protocol, HARM, suited(protocol), FIRST_LIMIT, jobs)
        if first.trace is not None:
            return _refuted(protocol, first.trace, option, jobs)
        failed = tuple(first.failed)
        if memory is not None and not failed:
            memory.note(LOOKED, True)
    to_play = Sessions(protocol, option, jobs, None if memory is None else memory.recall(PLAYED, stated=False))
    if transitions is None and (broken := to_play.first()) is not None:
        return _broken(protocol, broken)
    report = prove(protocol, transitions, jobs, players, progress, memory, until_open=transitions is None)
    if report.unproved and transitions is None:  # most mistakes can be shown as soon as a proof fails
        looked = _looked_for(protocol, report, option, jobs)
        if isinstance(looked, Trace):
            return _refuted(protocol, looked, option, jobs)
        if looked is not None:
            return _broken(protocol, looked)
        report = prove(protocol, transitions, jobs, players, progress, memory)
    if not report.unproved:
        if transitions is None:
            if (broken := to_play.rest()) is not None:
                return _broken(protocol, broken)
            played = Played(to_play.number, None)
            if memory is not None:
                memory.note(PLAYED, played.sessions, stated=False)
        return Judgement(protocol.name, _judged(report, None), None, report, "", played, failed)
    kept = replay_any(protocol, load().values(), THEOREMS, jobs)
    if kept is not None:
        return _refuted(protocol, kept, option, jobs)
    asked, having = _doubted(protocol, report)
    found = _Searched()
    if transitions is not None:  # else that was searched for at first
        found = _searched(protocol, [each for each in asked if each in HARM], having, FIRST_LIMIT, jobs)
    if found.trace is None:
        found = _searched(protocol, asked, having, NEXT_LIMIT, jobs)
    if found.trace is None and transitions is None:
        broken = play_held(protocol, report.unproved, option, jobs) or to_play.rest()
        if broken is not None:
            return _broken(protocol, broken, report)
        played = Played(to_play.number, None)
    if found.trace is None:
        found = _searched(protocol, asked, having, LAST_LIMIT, jobs)
    scope = ", ".join(f"{count.instance} ({count.states} states)" for count in found.counts)
    judged = _judged(report, found.trace)
    return Judgement(protocol.name, judged, found.trace, report, scope, played, tuple(found.failed))


def _looked_for(protocol: Protocol, report: ProofReport, option: str, jobs: int | None) -> Trace | Broken | None:
    """Return a run, or a session, in which something goes wrong that is not proved, if one is found at once."""
    kept = replay_any(protocol, load().values(), THEOREMS, jobs)
    if kept is not None:
        return kept
    found = _searched(protocol, *_doubted(protocol, report), FIRST_LIMIT, jobs)
    return found.trace or play_held(protocol, report.unproved, option, jobs)


def _doubted(protocol: Protocol, report: ProofReport) -> tuple[list[Property | str], list[Instance]]:
    """Return what is to be searched for when a proof has failed, and the instances that have to do with it."""
    suspects = {each.transition for each in report.unproved}
    having = [each for each in suited(protocol) if any(map(each.has, suspects))] or suited(protocol)
    lemmas = {each.property for each in report.unproved if each.property in PROPERTIES} - set(map(_name, THEOREMS))
    asked = [*THEOREMS, *(PROPERTIES[name] for name in sorted(lemmas) if not PROPERTIES[name].is_of_two)]
    return asked, having


def judge_suspect(
    protocol: Protocol,
    counterexample: Counterexample | None = None,
    players: int | None = None,
    jobs: int | None = None,
    option: str = "",
) -> Judgement:
    """Judge a protocol that is probably wrong: try the run that refuted it before, if there is one."""
    trace = replay(protocol, counterexample, HARM) if counterexample is not None else None
    if trace is None and counterexample is not None:
        trace = _searched(protocol, HARM, suited(protocol), FIRST_LIMIT, jobs).trace
        broken = standstill(protocol, option, jobs) if trace is None else None
        if broken is not None:
            return _broken(protocol, broken)
        trace = trace or replay(protocol, counterexample, THEOREMS)
    if trace is None:
        return judge(protocol, None, players, jobs, option=option)
    return _refuted(protocol, trace, option, jobs)


def _broken(protocol: Protocol, broken: Broken, report: ProofReport | None = None) -> Judgement:
    return Judgement(protocol.name, _judged(report, None), None, report, "", Played(0, broken))


def _refuted(protocol: Protocol, trace: Trace, option: str, jobs: int | None) -> Judgement:
    """Return the judgement that a run refutes a protocol; with what comes of it, if a step is only held back in it."""
    held_back = trace.violation is not None and trace.violation.property in HELD_BACK
    broken = standstill(protocol, option, jobs) if held_back else None
    played = None if broken is None else Played(0, broken)
    return Judgement(protocol.name, _judged(None, trace), trace, None, "", played)


def _searched(
    protocol: Protocol, asked: Sequence[Property | str], instances: Iterable[Instance], limit: int, jobs: int | None
) -> _Searched:
    """Return a run that goes wrong in the first states of some instance, if there is one, and what was looked at."""

    def task(instance: Instance) -> Result | str:
        try:
            return search(protocol, asked, [instance], limit=limit)
        except SlipError:
            raise
        except Exception as error:  # the code makes what no property can speak of
            return f"{instance.name} cannot be searched: {described(error)}"

    found = _Searched()
    for result in in_parallel(task, instances, jobs):
        if isinstance(result, Refuted):
            return _Searched(result.trace)
        if isinstance(result, str):
            found.failed.append(result)
        else:
            found.counts.extend(result.counts)
    return found


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
    along = look_along(protocol, witnesses(), expected)
    open_ = expected - along.tested
    known: dict[str, Any] = {what: None if memory is None else memory.recall(what) for what in (PATHS, GUARDS, UNUSED)}
    guards = [(each.name, guard.name) for each in protocol.transitions.values() for guard in each.guards]

    def task(item: tuple[str, ...]) -> Any:
        match item:
            case ("look", name):
                return look(protocol, INSTANCES[name], open_)
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
        *([("lemmas",)] if known[UNUSED] is None else []),
        *(("paths", name) for name in (protocol.transitions if known[PATHS] is None else ())),
        *(("look", name) for name in INSTANCES if open_),
        ("pairs",),
        *(("guard", *each) for each in (guards if known[GUARDS] is None else ())),
        *(("control", name) for name in VARIANTS),
    ]
    results = []
    for result in in_parallel(task, items, jobs):
        results.append(result)
        progress()
    seen = merged((along, *(each for each in results if isinstance(each, Seen))))
    missing = [name for name in protocol.transitions if name not in seen.taken]
    seen = merged((seen, *in_parallel(lambda name: look_for(protocol, name, expected), missing, jobs)))
    outlines = [each for each in results if isinstance(each, Examined)]
    verdicts = [each for each in results if isinstance(each, GuardVerdict)]
    unused = [name for each in results if isinstance(each, list) for name in each]
    if known[PATHS] is not None:
        outlines = [Examined.of(each) for each in known[PATHS]]
    if known[GUARDS] is not None:
        verdicts = [GuardVerdict(*told_of(protocol, *each), known[GUARDS][".".join(each)]) for each in guards]
    if known[UNUSED] is not None:
        unused = known[UNUSED]
    if memory is not None:
        memory.note(UNUSED, unused)
        if all(path.verdict != "not shown" for each in outlines for path in each.paths):
            memory.note(PATHS, [attrs.asdict(each) for each in outlines])
        if all(each.verdict != "undecided" for each in verdicts):
            memory.note(GUARDS, {f"{each.transition}.{each.guard}": each.verdict for each in verdicts})
    return Trust(
        tuple(verdicts),
        tuple(each for each in results if isinstance(each, Control)),
        tuple(name for name in protocol.transitions if name not in seen.taken),
        tuple(sorted(expected - seen.tested)),
        seen.states,
        tuple(unused),
        tuple(path for each in outlines for path in each.paths),
        expected_besides(protocol) + sum(each.obligations for each in outlines),
        len(report.discharges),
    )


def control(name: str, counterexample: Counterexample | None) -> Control:
    """Refute a variant, by a theorem that it is said to violate if there is one."""
    variant = VARIANTS[name]
    asked: list[Property | str] = [each for each in THEOREMS if _name(each) in variant.refuted_by]
    wanted = asked or list(THEOREMS)
    trace = replay(variant.protocol, counterexample, wanted) if counterexample is not None else None
    if trace is None:
        result = search(variant.protocol, wanted, limit=CONTROL_LIMIT)
        trace = result.trace if isinstance(result, Refuted) else None
    return Control(name, variant.sentence, variant.refuted_by, trace)


def _judged(report: ProofReport | None, trace: Trace | None) -> tuple[Judged, ...]:
    violated = trace.violation.property if trace is not None and trace.violation is not None else None
    known = [(each.name, each.kind, each.sentence, each.rules) for each in PROPERTIES.values()]
    known.append((NEVER_CRASHES, "theorem", SENTENCE_OF_CRASHES, ()))
    relied_on = {each.property for each in report.unproved if is_relied_on(each.property)} if report else set()
    steady = all(map(is_trusting, relied_on))
    judged = []
    for name, kind, sentence, rules in known:
        own = report.of(name) if report is not None else ()
        open_ = tuple(each for each in own if not each.proved)
        inductive = not relied_on if is_trusting(name) else steady
        proved = report is not None and not open_ and bool(own or name == NEVER_CRASHES) and inductive
        status: Status = "refuted" if name == violated else "proved" if proved else "undecided"
        if own or report is None or name in (violated, NEVER_CRASHES):
            judged.append(Judged(name, kind, sentence, rules, status, len(own), open_))
    return tuple(judged)


def is_relied_on(name: str) -> bool:
    """Tell whether others are proved only if a property is: of a path that could not be followed nothing is stated."""
    return name == NEVER_CRASHES or (name in PROPERTIES and PROPERTIES[name].scope == "state")


def _name(each: Property | str) -> str:
    return each if isinstance(each, str) else each.name
