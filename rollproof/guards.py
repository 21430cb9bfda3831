"""`rollproof guards`: what each guard says, and what goes wrong without it."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from rollproof.model.designs.design import present
from rollproof.model.rules import check_citations
from rollproof.model.runs.run import Run
from rollproof.model.traces.rendering import as_text
from rollproof.model.traces.trace import document_of, story_of
from rollproof.model.variants.variants import VARIANTS
from rollproof.model.workers import in_parallel
from rollproof.output import (
    HELD,
    UNDECIDED,
    Output,
    UsageError,
    console,
    many,
    progress,
    table,
    write_file,
    write_json,
)
from rollproof.pictures import write_page
from rollproof.proofs import paths, vacuity, witnesses
from rollproof.proofs.counterexamples import FILE, Counterexample, counterexample_of, dumps, load
from rollproof.proofs.necessity import GuardVerdict, check_guard, sufficient_sets
from rollproof.proofs.obligations import before
from rollproof.proofs.trust import control
from rollproof.reference.protocol import PROTOCOL
from rollproof.shared import OwnProtocol, adopt, guards_named
from rollproof.verdicts import pictured

_COLOURS = {"needed": "green", "redundant": "cyan", "undecided": "bold yellow"}


def guards(
    name: str | None = None,
    *,
    sets: bool = False,
    keep: bool = False,
    protocol: OwnProtocol = None,
    html: Output = None,
    jobs: int | None = None,
    json: Output = None,
) -> int:
    """Tell of each guard what it says, which rules demand it, and what goes wrong without it.

    Exits with 0, 2 on wrong usage, or 3 if it is undecided whether some guard is needed.

    Parameters
    ----------
    name:
        Only this guard, with the whole run: TRANSITION.GUARD, or GUARD for every transition that has it.
    sets:
        List all minimal sets of guards with which every theorem is proved, transition by transition.
    keep:
        Search for every shortest run anew, and keep the runs for `rollproof verify`.
    protocol:
        Tell it of the protocol of this file: FILE.py, or FILE.py:NAME. The file is Python code, and is run.
    html:
        Write a page that shows what goes wrong without each guard in a browser, beside what it prevents.
    jobs:
        How many processes may run; one per core if not given.
    json:
        Write the result for tools to this file.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs must be at least 1, not {jobs}")
    if keep and (name is not None or protocol is not None):
        raise UsageError("--keep renews the runs of all guards of the present protocol, so it takes no name")
    adopt(protocol)
    pairs = (
        guards_named(name)
        if name is not None
        else [(each.name, guard.name) for each in present().transitions.values() for guard in each.guards]
    )
    check_citations(present())
    counterexamples = {} if keep else load()
    verdicts = _judge(pairs, counterexamples, jobs)
    if keep:
        _keep(verdicts, jobs)
    _show(verdicts, whole=name is not None)
    minimal = _sets(verdicts, jobs) if sets else {}
    if minimal:
        _show_sets(minimal)
    if html is not None:
        write_page(html, _pictured(verdicts), "What each guard prevents")
    if json is not None:
        write_json(json, {"guards": [_document(each) for each in verdicts], "sufficient_sets": minimal})
    return UNDECIDED if any(each.verdict == "undecided" for each in verdicts) else HELD


def _judge(
    pairs: list[tuple[str, str]], counterexamples: dict[str, Counterexample], jobs: int | None
) -> list[GuardVerdict]:
    def task(pair: tuple[str, str]) -> GuardVerdict:
        return check_guard(present(), *pair, counterexamples.get(".".join(pair)))

    verdicts = []
    with progress("removing guards", len(pairs)) as bar:
        for verdict in in_parallel(task, pairs, jobs):
            verdicts.append(verdict)
            bar.advance(bar.task_ids[0])
    return verdicts


def _keep(told: list[GuardVerdict], jobs: int | None) -> None:
    found = {f"{each.transition}.{each.guard}": each.trace for each in told}
    with progress("refuting variants", len(VARIANTS)) as bar:
        for each in in_parallel(lambda variant: control(variant, None), VARIANTS, jobs):
            found[each.variant] = each.trace
            bar.advance(bar.task_ids[0])
    write_file(FILE, dumps({key: counterexample_of(trace) for key, trace in found.items() if trace is not None}))
    with progress("taking paths", len(PROTOCOL.transitions)) as bar:
        kept: list[witnesses.Witness] = []
        for some in in_parallel(lambda name: list(paths.found(PROTOCOL, name)), PROTOCOL.transitions, jobs):
            kept.extend(some)
            bar.advance(bar.task_ids[0])
    kept.extend(vacuity.found(PROTOCOL, kept, before(PROTOCOL).stated))
    write_file(witnesses.FILE, witnesses.dumps(kept))


def _show(verdicts: list[GuardVerdict], whole: bool) -> None:
    rows = table("Guards", "verdict", "transition", "guard", "rules", "without it", "says")
    for each in verdicts:
        verdict = Text(each.verdict, _COLOURS[each.verdict])
        rows.add_row(verdict, each.transition, each.guard, " ".join(each.rules), _without(each), each.sentence)
    console().print(rows)
    for each in verdicts if whole else ():
        if each.trace is not None:
            console().print()
            console().print(as_text(story_of(each.trace)), soft_wrap=True)


def _pictured(verdicts: list[GuardVerdict]) -> dict[str, list[Run]]:
    return {
        name: pictured(each.trace, f"rollproof guards {name}")
        for each in verdicts
        if each.trace is not None and (name := f"{each.transition}.{each.guard}")
    }


def _without(verdict: GuardVerdict) -> str:
    if verdict.trace is not None and verdict.trace.violation is not None:
        return f"{verdict.trace.violation.property} fails after {many(len(verdict.trace.steps), 'step')}"
    if verdict.implied:
        return "nothing differs: the other guards imply it"
    if verdict.verdict == "redundant":
        return "everything is proved"
    return f"not proved: {verdict.open[0].property}; searched {verdict.searched}"


def _sets(verdicts: list[GuardVerdict], jobs: int | None) -> dict[str, list[list[str]]]:
    redundant: dict[str, list[str]] = {}
    for each in verdicts:
        if each.verdict == "redundant":
            redundant.setdefault(each.transition, []).append(each.guard)
    names = list(redundant)
    found = in_parallel(lambda name: sufficient_sets(present(), name, redundant[name]), names, jobs)
    return {name: [list(each) for each in some] for name, some in zip(names, found, strict=True)}


def _show_sets(minimal: dict[str, list[list[str]]]) -> None:
    rows = table(
        "\nMinimal sets of guards with which everything is proved (any choice of one per transition; a transition that "
        "is not listed needs all of its guards)",
        "transition",
        "guards",
    )
    for name, some in minimal.items():
        for each in some:
            rows.add_row(name, ", ".join(each) or "none")
    console().print(rows)


def _document(verdict: GuardVerdict) -> dict[str, Any]:
    return {
        "transition": verdict.transition,
        "guard": verdict.guard,
        "sentence": verdict.sentence,
        "rules": list(verdict.rules),
        "verdict": verdict.verdict,
        "implied": verdict.implied,
        "without": _without(verdict),
        "trace": None if verdict.trace is None else document_of(story_of(verdict.trace)),
    }
