"""The verdict on a protocol: proved, refuted or undecided, theorem by theorem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from attrs import define, field, frozen

from rollproof.model.search.explorer import described
from rollproof.model.search.instances import Instance
from rollproof.model.search.search import Count, Refuted, Result, search, suited
from rollproof.model.sessions.examined import Broken, broken_law
from rollproof.model.slips import SlipError
from rollproof.model.theorems.properties import NEVER_CRASHES, PROPERTIES, is_trusting
from rollproof.model.theorems.property import Property, name_of
from rollproof.model.traces.trace import Trace
from rollproof.model.workers import in_parallel
from rollproof.proofs.counterexamples import Counterexample, load, replay, replay_any
from rollproof.proofs.induction import Discharge, ProofReport, prove
from rollproof.proofs.kept import Kept
from rollproof.proofs.necessity import HARM, THEOREMS
from rollproof.proofs.played import Played, Sessions, play_held, standstill
from rollproof.reference.transition import Protocol

Status = Literal["proved", "refuted", "undecided"]
SENTENCE_OF_CRASHES = "No guard and no effect ever raises."
FIRST_LIMIT = 120
"""How many states of an instance are searched before the proof is tried: most mistakes show in them, at once."""
NEXT_LIMIT = 300
"""How many states of an instance are searched when the proof has failed."""
LAST_LIMIT = 10_000
"""How many states of an instance are searched when nothing else shows what is wrong."""
LOOKED, PLAYED = "nothing goes wrong at first", "sessions"
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
    asked, having = _doubted(protocol, report)
    found = _Searched()
    if transitions is not None:  # else these were looked for before
        kept = replay_any(protocol, load().values(), THEOREMS, jobs)
        if kept is not None:
            return _refuted(protocol, kept, option, jobs)
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
    lemmas = {each.property for each in report.unproved if each.property in PROPERTIES} - set(map(name_of, THEOREMS))
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
