"""How a verdict is shown, and written for tools."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import attrs
from rich.text import Text

from rollproof.model.designs.design import Design
from rollproof.model.runs.run import Run
from rollproof.model.runs.stories import run_of_story, under
from rollproof.model.search.explorer import described
from rollproof.model.theorems.properties import is_trusting
from rollproof.model.traces.rendering import as_text
from rollproof.model.traces.trace import Trace, document_of, story_of
from rollproof.model.variants.variants import INAPPLICABLE
from rollproof.output import (
    console,
    many,
    table,
    write_json,
)
from rollproof.proofs import outside
from rollproof.proofs.cross_check import CrossReport
from rollproof.proofs.cross_check import document as cross_document
from rollproof.proofs.cti import CounterexampleToInduction
from rollproof.proofs.excluded import excluding
from rollproof.proofs.induction import Discharge
from rollproof.proofs.trust import Trust
from rollproof.proofs.verdict import Judged, Judgement, is_relied_on
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol

COLOURS = {"proved": "green", "refuted": "bold red", "undecided": "bold yellow"}
SHOWN = 12


def _trusted(each: Judged) -> str:
    """Return whom a theorem believes: one that believes nobody holds whatever partners say."""
    return "partners" if is_trusting(each.name) else "nobody"


def show_judgement(judgement: Judgement, theorem: str | None) -> None:
    """Show what is known of each theorem and lemma, or of one."""
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
                Text(each.status, COLOURS[each.status]), shown, str(each.obligations), _trusted(each), each.sentence
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
        console().print(f"{sessions} sessions kept every promise, and the calls of drivers their contracts.")
        touched = outside.touched()
        if touched:
            console().print(
                f"The proof does not look into {', '.join(touched)}, which somebody has edited: what is in "
                "there is held to laws and sessions alone.",
                style="bold yellow",
                soft_wrap=True,
            )
    _show_open([each for each in judgement.judged if each in rows or is_relied_on(each.name)])
    for reason in judgement.failed:
        console().print(f"instance {reason}", style="bold yellow", soft_wrap=True)
    if judgement.searched:
        console().print(f"No run that goes wrong was found in: {judgement.searched}")


def show_design(design: Design | None) -> None:
    """Show what a protocol file states in the place of rollproof, and what nothing is stated of."""
    if design is None:
        return
    for each in design.replaced:
        console().print(f"{each} is stated by {design.file.name}, in the place of rollproof's.", soft_wrap=True)
    for each in design.lacks:
        console().print(Text.assemble(("not stated: ", "bold yellow"), each), soft_wrap=True)


def _show_open(rows: list[Judged]) -> None:
    open_ = [each for row in rows for each in row.open]
    for each in open_[:SHOWN]:
        console().print(open_line(each))
    if len(open_) > SHOWN:
        console().print(f"and {len(open_) - SHOWN} more")


def open_line(each: Discharge) -> str:
    """Return one line about an obligation that is not proved."""
    return f"not proved: {each.property}, {each.clause}: {each.transition}, {each.path}: {each.reason}"


def show_counterexample(protocol: Protocol, example: CounterexampleToInduction) -> None:
    """Show a state before and after a step that breaks a property, whether it is reached, and what to do next."""
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


def show_trust(trusted: Trust, counterexamples: Container[str]) -> None:
    """Show what shows that the proof says something."""
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


def _mark(held: bool, otherwise: str = "NOT SHOWN") -> Text:
    return Text("ok", "green") if held else Text(otherwise, "bold yellow")


def show_trace(trace: Trace, save: Path | None) -> None:
    """Show a run that goes wrong, and write it to a file if there is one."""
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


def pictured(trace: Trace, command: str) -> list[Run]:
    """Return a run as it is drawn: beside it, unless the present protocol takes it, what that one does instead."""
    run = run_of_story(story_of(trace), command)
    return [run] if trace.protocol == PROTOCOL.name else [run, under(trace, PROTOCOL)]


def _trace_document(trace: Trace) -> dict[str, Any]:
    """Return a run for tools; only what happened in it, if the code makes states that cannot be described."""
    try:
        return document_of(story_of(trace))
    except Exception as error:
        found = trace.violation
        verdict = {"property": found.property, "clause": found.clause} if found is not None else {}
        steps = [{"transition": step.transition, "args": repr(step.args)} for step in trace.steps]
        return {"verdict": verdict, "steps": steps, "not_shown": described(error)}


def document_of_verdict(
    judgement: Judgement,
    example: CounterexampleToInduction | None,
    trusted: Trust | None,
    crossed: CrossReport | None,
    command: str,
    code: int,
) -> dict[str, Any]:
    """Return a verdict for tools."""
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
        "not_looked_into": outside.touched(),
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
