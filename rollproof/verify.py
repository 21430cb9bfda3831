"""`rollproof verify`: proves the reference's code, or finds the shortest run that goes wrong."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter
from rich.text import Text

from rollproof.model.designs.design import Design, present
from rollproof.model.rules import check_citations
from rollproof.model.runs.run import Run
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.explorer import described
from rollproof.model.theorems.properties import PROPERTIES, is_trusting
from rollproof.model.traces.rendering import as_text
from rollproof.model.traces.trace import Trace, document_of, story_of
from rollproof.model.variants.variants import INAPPLICABLE, VARIANTS
from rollproof.output import (
    BROKEN,
    HELD,
    UNDECIDED,
    Output,
    UsageError,
    console,
    many,
    progress,
    table,
    unknown,
    write_json,
)
from rollproof.pictures import write_page
from rollproof.proofs.cache import Kept, Store
from rollproof.proofs.counterexamples import load
from rollproof.proofs.cross_check import CrossCheckError, CrossReport, check_possible, cross_check, rendered
from rollproof.proofs.cross_check import document as cross_document
from rollproof.proofs.cti import CounterexampleToInduction, counterexample_to_induction
from rollproof.proofs.excluded import excluding
from rollproof.proofs.induction import Discharge, Memory, ProofReport
from rollproof.proofs.quick import judge_quickly
from rollproof.proofs.verdict import Judged, Judgement, Trust, judge, judge_suspect, trust
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from rollproof.shared import OwnProtocol, adopt, protocol_asked, show_broken
from rollproof.watch import watch

_COLOURS = {"proved": "green", "refuted": "bold red", "undecided": "bold yellow"}
_SHOWN = 12
_TRIED = 3


def verify(
    *,
    theorem: str | None = None,
    transition: str | None = None,
    without: str | None = None,
    variant: str | None = None,
    own: OwnProtocol = None,
    players: int | None = None,
    proof_only: bool = False,
    watched: Annotated[bool, Parameter(name="--watch", negative=())] = False,
    cached: Annotated[bool, Parameter(name="--cache")] = False,
    second_solver: Annotated[bool, Parameter(name="--cross-check")] = False,
    smt2: Path | None = None,
    save_trace: Output = None,
    html: Output = None,
    jobs: int | None = None,
    json: Output = None,
) -> int:
    """Prove every theorem about the reference's own code, and show that the proof says something.

    Exits with 0 if all is proved, 1 if something is refuted, 2 on wrong usage, 3 if something is undecided.

    Parameters
    ----------
    theorem:
        Show only this theorem or lemma. All are proved, since they rest on each other.
    transition:
        Prove only what this transition keeps, as a transition name.
    without:
        Judge the protocol without a guard: TRANSITION.GUARD, or GUARD for every transition that has it.
    variant:
        Judge a named variant of the protocol.
    own:
        Judge the protocol of this file, which may also state theorems: FILE.py, or FILE.py:NAME. The file is Python
        code, and is run. `rollproof new-protocol DIR` writes an example.
    players:
        Prove it for sessions of exactly this many players (1 to 16), not for any number.
    proof_only:
        Skip the checks that the proof is not vacuous: reachable states, necessity of guards, negative controls.
    watched:
        Judge the file of --protocol now and whenever it is saved, as soon as possible: what did not change is not
        proved again. It keeps what is proved in a folder (--cache), and ends when it is interrupted.
    cached:
        Do not prove again what was proved before of the same code, and keep what is proved, in the folder
        ROLLPROOF_CACHE, or else that of this user's caches. A verdict is the same with it and without.
    second_solver:
        Write every obligation as SMT-LIB 2, and let cvc5 answer it as well.
    smt2:
        Keep those files in this directory.
    save_trace:
        Write a run that goes wrong to this file, for `rollproof trace`.
    html:
        Write a page that shows a run that goes wrong in a browser, beside what the present protocol does instead.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the verdict for tools to this file.
    """
    started = time.perf_counter()
    if own is not None and variant is not None:
        raise UsageError("--protocol and --variant exclude each other")
    if watched:
        return _watched(own, jobs, proof_only, theorem or transition or without or players or second_solver or smt2)
    design = adopt(own)
    protocol, key = protocol_asked(without, variant)
    _check(theorem, transition, players, jobs)
    check_citations(protocol)
    if second_solver or smt2:
        _check_second_solver(smt2)
    counterexamples = load()
    if key is not None and transition is None:
        judgement = judge_suspect(protocol, counterexamples.get(key), players, jobs, _option(without, variant, own))
    else:
        with progress("proving", len(protocol.transitions)) as bar:
            only = None if transition is None else [transition]
            step = partial(bar.advance, bar.task_ids[0])
            memory = _memory(protocol, players) if cached else None
            judgement = judge(protocol, only, players, jobs, step, _option(None, None, own), memory)
    _show(judgement, theorem)
    _show_design(design)
    example = _counterexample(protocol, judgement)
    if example is not None:
        _show_counterexample(protocol, example)
    trusted = None
    whole = key is None and transition is None and theorem is None and not proof_only
    if whole and judgement.status == "proved" and judgement.report is not None:
        trusted = _trust(protocol, judgement.report, counterexamples, jobs)
        _show_trust(trusted, counterexamples)
    crossed = _cross_check(protocol, transition, jobs, smt2) if second_solver or smt2 else None
    command = _command(theorem, transition, without, variant, own, players, proof_only)
    if judgement.trace is not None:
        _show_trace(judgement.trace, save_trace)
        console().print(f"Whether a guard mends it: rollproof repair{_option(without, variant, own)}", soft_wrap=True)
    if judgement.broken is not None:
        show_broken(judgement.broken)
    if html is not None:
        _write_picture(html, judgement, command)
    code = _code(judgement, theorem, trusted, crossed)
    if json is not None:
        write_json(json, _document(judgement, example, trusted, crossed, command, code))
    verdict = {HELD: "proved", BROKEN: "refuted", UNDECIDED: "undecided"}[code]
    told = Text.assemble(
        (verdict, _COLOURS[verdict]), f" in {time.perf_counter() - started:.1f} s; again with: {command}"
    )
    console().print(told, soft_wrap=True)
    return code


def _watched(own: str | None, jobs: int | None, proof_only: bool, other: object) -> int:
    if own is None or other:
        raise UsageError("--watch takes --protocol FILE.py, and besides it only --proof-only and --jobs")
    _check(None, None, None, jobs)

    def then() -> None:
        if not proof_only:
            console().print("What shows that the proof says something follows; save the file to go on at once.")
            verify(own=own, jobs=jobs, cached=True)

    return watch(own, jobs, Store.open(), show_quickly, then)


def _memory(protocol: Protocol, players: int | None) -> Memory | None:
    store = Store.open()
    if store is None:
        console(stderr=True).print("The cache cannot be used: its folder is not this user's alone.", soft_wrap=True)
    return None if store is None else Kept(store, protocol, players)


def show_quickly(design: Design, store: Store, jobs: int | None, started: float) -> int:
    """Judge the steps of a protocol file as soon as possible, show the verdict, and return its exit code."""
    protocol = design.protocol
    check_citations(protocol)
    found = judge_quickly(protocol, Kept(store, protocol), load().values(), jobs)
    _show_design(design)
    code = {"proved": HELD, "refuted": BROKEN, "undecided": UNDECIDED}[found.status]
    if found.trace is not None:
        _show_trace(found.trace, None)
        console().print(f"Whether a guard mends it: rollproof repair --protocol {design.file}", soft_wrap=True)
    if found.status == "proved":
        anew = f"anew: {', '.join(found.proved_anew)}" if found.proved_anew else "all of them known"
        console().print(f"{found.obligations} obligations proved, {anew}", soft_wrap=True)
    if found.status == "undecided":
        for each in found.open[:_SHOWN]:
            console().print(_open_line(each), soft_wrap=True)
        console().print(f"No run that goes wrong was found in: {found.searched}", soft_wrap=True)
    took = f" in {time.perf_counter() - started:.2f} s: {protocol.name}"
    console().print(Text.assemble((found.status, _COLOURS[found.status]), took), soft_wrap=True)
    return code


def _check(theorem: str | None, transition: str | None, players: int | None, jobs: int | None) -> None:
    if theorem is not None and theorem not in PROPERTIES:
        raise unknown("theorem or lemma", theorem, PROPERTIES)
    if transition is not None and transition not in present().transitions:
        raise unknown("transition", transition, present().transitions)
    if players is not None and not 1 <= players <= 16:
        raise UsageError(f"--players must be from 1 to 16, not {players}")
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")


def _trust(protocol: Protocol, report: ProofReport, counterexamples: Any, jobs: int | None) -> Trust:
    guards = sum(len(each.guards) for each in protocol.transitions.values())
    with progress("removing guards", guards + len(VARIANTS)) as bar:
        return trust(protocol, report, counterexamples, jobs, lambda: bar.advance(bar.task_ids[0]))


def _trusted(each: Judged) -> str:
    """Return whom a theorem believes: one that believes nobody holds whatever partners say."""
    return "partners" if is_trusting(each.name) else "nobody"


def _show(judgement: Judgement, theorem: str | None) -> None:
    rows = [each for each in judgement.judged if theorem in (None, each.name)]
    result = table(
        f"Protocol {judgement.protocol!r}", "verdict", "name", "obligations", "trusts", "says", numbers=("obligations",)
    )
    for kind in ("theorem", "lemma"):
        for each in (row for row in rows if row.kind == kind):
            if judgement.report is None and each.status == "undecided":
                continue
            shown = each.name if kind == "theorem" else f"({each.name})"
            result.add_row(
                Text(each.status, _COLOURS[each.status]), shown, str(each.obligations), _trusted(each), each.sentence
            )
    console().print(result)
    if judgement.report is not None:
        proved = sum(each.proved for each in judgement.report.discharges)
        console().print(
            f"\n{proved} of {len(judgement.report.discharges)} obligations proved, for unbounded frames, any game, "
            f"any order of delivery, in {judgement.report.seconds:.1f} s. In brackets: lemmas."
        )
    if judgement.played is not None and judgement.broken is None:
        sessions = judgement.played.sessions
        console().print(f"{sessions} sessions kept every promise, and every call of a driver its contract.")
    _show_open(rows)
    for reason in judgement.failed:
        console().print(f"instance {reason}", style="bold yellow", soft_wrap=True)
    if judgement.searched:
        console().print(f"No run that goes wrong was found in: {judgement.searched}")


def _show_design(design: Design | None) -> None:
    """Show what a protocol file states in the place of rollproof, and what nothing is stated of."""
    if design is None:
        return
    for each in design.replaced:
        console().print(f"{each} is stated by {design.file.name}, in the place of rollproof's.", soft_wrap=True)
    for each in design.lacks:
        console().print(Text.assemble(("not stated: ", "bold yellow"), each), soft_wrap=True)


def _show_open(rows: list[Judged]) -> None:
    open_ = [each for row in rows for each in row.open]
    for each in open_[:_SHOWN]:
        console().print(_open_line(each))
    if len(open_) > _SHOWN:
        console().print(f"and {len(open_) - _SHOWN} more")


def _open_line(each: Discharge) -> str:
    return f"not proved: {each.property}, {each.clause}: {each.transition}, {each.path}: {each.reason}"


def _counterexample(protocol: Protocol, judgement: Judgement) -> CounterexampleToInduction | None:
    if judgement.status != "undecided":
        return None
    open_ = (open_ for each in judgement.judged for open_ in each.open)
    return next(filter(None, (counterexample_to_induction(protocol, each) for each in islice(open_, _TRIED))), None)


def _show_counterexample(protocol: Protocol, example: CounterexampleToInduction) -> None:
    found = example.discharge
    rows = table(f"\nA counterexample to induction: {found.transition} breaks {found.property}", "", "before", "after")
    for name, old in example.before.items():
        new = example.after[name]
        rows.add_row(name, _shown(old), Text(_shown(new), "yellow" if new != old else ""))
    console().print(rows)
    run = example.reached
    where = "in no instance" if run is None else f"after {many(len(run.steps), 'step')} of instance {run.instance!r}"
    console().print(f"A state like the one before is reached {where}.")
    for line in _what_next(protocol, example):
        console().print(f"  - {line}", soft_wrap=True)


def _what_next(protocol: Protocol, example: CounterexampleToInduction) -> Iterator[str]:
    """Yield what to do about an obligation that is not proved."""
    found = example.discharge
    if example.reached is not None:
        yield f"The state is real: look at what {found.transition} does there, and at what {found.property} says of it."
        return
    lemmas, states = excluding(protocol, example.before)
    if lemmas:
        yield f"A lemma may exclude it. These hold in all {many(states, 'state')} that were seen, and not in this one:"
        yield from (f"    {each}" for each in lemmas)
        yield "State one with @lemma in the words of `Logic`; it must be proved of every transition itself."
    else:
        yield "No comparison of counters excludes it: a lemma about inputs, records or queues may."
    yield f"Or a guard of {found.transition} may: rollproof explain {found.transition} shows what it asks."


def _shown(value: object) -> str:
    return "—" if value is None else "yes" if value is True else "no" if value is False else str(value)


def _show_trust(trusted: Trust, counterexamples: Container[str]) -> None:
    verdicts = Counter(each.verdict for each in trusted.guards)
    refuted = [each for each in trusted.controls if each.trace is not None]
    rows = table("\nWhy the proof is not vacuous", "check", "result", "")
    rows.add_row(
        "vacuity: transitions", _mark(not trusted.never_taken), ", ".join(trusted.never_taken) or "each is taken"
    )
    clauses = ", ".join(f"{name} ({clause})" for name, clause in trusted.untested)
    rows.add_row(
        "vacuity: clauses", _mark(not trusted.untested), clauses or f"each is tested, in {trusted.states} states"
    )
    rows.add_row(
        "vacuity: paths", _mark(all(each.verdict != "not shown" for each in trusted.paths)), _told_paths(trusted)
    )
    total = f"{trusted.expected} must be made, {trusted.made} are"
    rows.add_row("obligations", _mark(trusted.expected == trusted.made, "LOST"), total)
    counts = ", ".join(f"{verdicts[each]} {each}" for each in ("needed", "redundant", "undecided"))
    undecided = ", ".join(f"{e.transition}.{e.guard}" for e in trusted.guards if e.verdict == "undecided")
    rows.add_row("necessity: guards", _mark(not undecided), f"{counts}: {undecided}" if undecided else counts)
    lost = became_redundant(trusted, counterexamples)
    if lost:
        rows.add_row("", Text("changed", "bold yellow"), f"redundant now, and needed before: {', '.join(lost)}")
    survivors = ", ".join(each.variant for each in trusted.controls if each.trace is None)
    rows.add_row("negative controls", _mark(not survivors), survivors or f"{len(refuted)} wrong variants are refuted")
    if INAPPLICABLE:
        reasons = ", ".join(f"{name} ({lacks})" for name, lacks in INAPPLICABLE.items())
        rows.add_row("not applicable", "", reasons)
    rows.add_row("lemmas", _mark(not trusted.unused, "UNUSED"), ", ".join(trusted.unused) or "each is needed")
    console().print(rows)
    console().print()


def _told_paths(trusted: Trust) -> str:
    """Return how many paths are taken, and how; the names of those that are not shown to be."""
    counts = Counter(each.verdict for each in trusted.paths)
    named = (f"{each.transition} ({each.path})" for each in trusted.paths if each.verdict == "not shown")
    told = (
        f"{counts['taken']} are taken, {counts['by lies']} provably only where partners lie, "
        f"{counts['seen by lies']} seen only there, {counts['never']} provably never"
    )
    return "; ".join([told, *(f"not shown: {name}" for name in named)])


def became_redundant(trusted: Trust, needed_before: Container[str]) -> list[str]:
    """Return the guards that are redundant although something went wrong without them before the change."""
    redundant = (f"{each.transition}.{each.guard}" for each in trusted.guards if each.verdict == "redundant")
    return [name for name in redundant if name in needed_before]


def _option(without: str | None, variant: str | None, own: str | None) -> str:
    options = {"protocol": own, "without": without, "variant": variant}
    return "".join(f" --{name} {value}" for name, value in options.items() if value is not None)


def _mark(held: bool, otherwise: str = "NOT SHOWN") -> Text:
    return Text("ok", "green") if held else Text(otherwise, "bold yellow")


def _show_trace(trace: Trace, save: Path | None) -> None:
    console().print()
    try:
        story = story_of(trace)
        text = as_text(story)
    except Exception as error:  # the code makes what cannot be told; the run stays a run
        violation = trace.violation
        steps = "\n".join(f"  {step.transition}{tuple(value for _, value in step.args)}" for step in trace.steps)
        what = "" if violation is None else f"\nviolates {violation.property} ({violation.clause})"
        console().print(f"{steps}{what}\nThe run cannot be shown in full: {described(error)}", soft_wrap=True)
        return
    console().print(text, soft_wrap=True)
    if save is not None:
        write_json(save, document_of(story))


def _write_picture(path: Path, judgement: Judgement, command: str) -> None:
    broken = judgement.broken
    if judgement.trace is None and broken is not None:
        told = (
            f"{path} is not written: a whole session goes wrong; rollproof simulate {broken.again} --html FILE draws it"
        )
        console(stderr=True).print(told, soft_wrap=True)
        return
    write_page(path, {"": pictured(judgement.trace, command)} if judgement.trace is not None else {})


def pictured(trace: Trace, command: str) -> list[Run]:
    """Return a run as it is drawn: beside it, unless the present protocol takes it, what that one does instead."""
    run = run_of_story(story_of(trace), command)
    return [run] if trace.protocol == PROTOCOL.name else [run, under(trace, PROTOCOL)]


def _check_second_solver(directory: Path | None) -> None:
    try:
        check_possible(directory)
    except CrossCheckError as error:
        raise UsageError(str(error)) from None


def _cross_check(protocol: Protocol, transition: str | None, jobs: int | None, directory: Path | None) -> CrossReport:
    try:
        report = cross_check(protocol, None if transition is None else [transition], jobs, directory)
    except CrossCheckError as error:
        raise UsageError(str(error)) from None
    console().print(rendered(report))
    return report


def _code(judgement: Judgement, theorem: str | None, trusted: Trust | None, crossed: CrossReport | None) -> int:
    shown = [each.status for each in judgement.judged if theorem in (None, each.name)]
    if judgement.broken is not None or (judgement.status == "refuted" and (theorem is None or "refuted" in shown)):
        return BROKEN
    if crossed is not None and crossed.count("disagreed"):
        return BROKEN
    if judgement.failed:
        return UNDECIDED
    agrees = crossed is None or crossed.agreed
    proved = bool(shown) and all(each == "proved" for each in shown)
    return HELD if proved and agrees and (trusted is None or trusted.complete) else UNDECIDED


def _command(
    theorem: str | None,
    transition: str | None,
    without: str | None,
    variant: str | None,
    own: str | None,
    players: int | None,
    proof_only: bool,
) -> str:
    options = {
        "theorem": theorem,
        "transition": transition,
        "protocol": own,
        "without": without,
        "variant": variant,
        "players": players,
    }
    given = "".join(f" --{name} {value}" for name, value in options.items() if value is not None)
    return f"rollproof verify{given}{' --proof-only' if proof_only else ''}"


def _trace_document(trace: Trace) -> dict[str, Any]:
    """Return a run for tools; only what happened in it, if the code makes states that cannot be described."""
    try:
        return document_of(story_of(trace))
    except Exception as error:
        found = trace.violation
        verdict = {"property": found.property, "clause": found.clause} if found is not None else {}
        steps = [{"transition": step.transition, "args": repr(step.args)} for step in trace.steps]
        return {"verdict": verdict, "steps": steps, "not_shown": described(error)}


def _document(
    judgement: Judgement,
    example: CounterexampleToInduction | None,
    trusted: Trust | None,
    crossed: CrossReport | None,
    command: str,
    code: int,
) -> dict[str, Any]:
    document: dict[str, Any] = {
        "command": command,
        "exit_code": code,
        "protocol": judgement.protocol,
        "status": judgement.status,
        "theorems": [
            {
                "name": each.name,
                "kind": each.kind,
                "sentence": each.sentence,
                "rules": list(each.rules),
                "status": each.status,
                "trusts": _trusted(each),
                "obligations": each.obligations,
                "open": [
                    {
                        "transition": it.transition,
                        "path": it.path,
                        "clause": it.clause,
                        "reason": it.reason,
                        "states": it.states,
                    }
                    for it in each.open
                ],
            }
            for each in judgement.judged
        ],
        "trace": None if judgement.trace is None else _trace_document(judgement.trace),
        "searched": judgement.searched,
        "not_searched": list(judgement.failed),
        "sessions": None if judgement.played is None else judgement.played.sessions,
        "broken": None if judgement.broken is None else attrs.asdict(judgement.broken),
    }
    if example is not None:
        document["counterexample_to_induction"] = {
            "property": example.discharge.property,
            "transition": example.discharge.transition,
            "before": example.before,
            "after": example.after,
            "reached": None if example.reached is None else document_of(story_of(example.reached)),
        }
    if crossed is not None:
        document["second_solver"] = cross_document(crossed)
    if trusted is not None:
        document["trust"] = {
            "guards": [{"transition": e.transition, "guard": e.guard, "verdict": e.verdict} for e in trusted.guards],
            "controls": [{"variant": e.variant, "refuted": e.trace is not None} for e in trusted.controls],
            "paths": [{"transition": e.transition, "path": e.path, "verdict": e.verdict} for e in trusted.paths],
            "obligations": {"expected": trusted.expected, "made": trusted.made},
            "never_taken": list(trusted.never_taken),
            "untested": [list(each) for each in trusted.untested],
            "unused_lemmas": list(trusted.unused),
        }
    return document
