"""`rollproof verify`: proves the reference's code, or finds the shortest run that goes wrong."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from rollproof.model.designs.design import Design, present
from rollproof.model.rules import check_citations
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.variants.variants import VARIANTS
from rollproof.output import (
    BROKEN,
    HELD,
    UNDECIDED,
    Output,
    UsageError,
    console,
    progress,
    unknown,
    write_json,
)
from rollproof.pictures import write_page
from rollproof.proofs.cache import Store
from rollproof.proofs.counterexamples import load
from rollproof.proofs.cross_check import CrossCheckError, CrossReport, check_possible, cross_check, rendered
from rollproof.proofs.cti import CounterexampleToInduction, counterexample_to_induction
from rollproof.proofs.induction import ProofReport
from rollproof.proofs.kept import Kept
from rollproof.proofs.quick import judge_quickly
from rollproof.proofs.trust import Trust, trust
from rollproof.proofs.verdict import Judgement, judge, judge_suspect
from rollproof.reference.transition import Protocol
from rollproof.shared import OwnProtocol, adopt, protocol_asked, show_broken
from rollproof.simulate import draw
from rollproof.verdicts import (
    COLOURS,
    SHOWN,
    document_of_verdict,
    open_line,
    pictured,
    show_counterexample,
    show_design,
    show_judgement,
    show_trace,
    show_trust,
)
from rollproof.watch import watch

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
    memory = _memory(protocol, players) if cached else None
    if key is not None and transition is None:
        judgement = judge_suspect(protocol, counterexamples.get(key), players, jobs, _option(without, variant, own))
    else:
        with progress("proving", len(protocol.transitions)) as bar:
            only = None if transition is None else [transition]
            step = partial(bar.advance, bar.task_ids[0])
            judgement = judge(protocol, only, players, jobs, step, _option(None, None, own), memory)
    show_judgement(judgement, theorem)
    show_design(design)
    example = _counterexample(protocol, judgement)
    if example is not None:
        show_counterexample(protocol, example)
    trusted = None
    whole = key is None and transition is None and theorem is None and not proof_only
    if whole and judgement.status == "proved" and judgement.report is not None:
        trusted = _trust(protocol, judgement.report, counterexamples, jobs, memory)
        show_trust(trusted, counterexamples)
    crossed = _cross_check(protocol, transition, jobs, smt2) if second_solver or smt2 else None
    command = _command(theorem, transition, without, variant, own, players, proof_only)
    if judgement.trace is not None:
        show_trace(judgement.trace, save_trace)
        console().print(f"Whether a guard mends it: rollproof repair{_option(without, variant, own)}", soft_wrap=True)
    if judgement.broken is not None:
        show_broken(judgement.broken)
    if html is not None:
        _write_picture(html, judgement, protocol, command, _option(without, variant, own))
    code = _code(judgement, theorem, trusted, crossed)
    if json is not None:
        write_json(json, document_of_verdict(judgement, example, trusted, crossed, command, code))
    verdict = {HELD: "proved", BROKEN: "refuted", UNDECIDED: "undecided"}[code]
    told = Text.assemble(
        (verdict, COLOURS[verdict]), f" in {time.perf_counter() - started:.1f} s; again with: {command}"
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


def _memory(protocol: Protocol, players: int | None) -> Kept | None:
    store = Store.open()
    if store is None:
        console(stderr=True).print("The cache cannot be used: its folder is not this user's alone.", soft_wrap=True)
    return None if store is None else Kept(store, protocol, players)


def show_quickly(design: Design, store: Store, jobs: int | None, started: float) -> int:
    """Judge the steps of a protocol file as soon as possible, show the verdict, and return its exit code."""
    protocol = design.protocol
    check_citations(protocol)
    option = f" --protocol {design.file}"
    found = judge_quickly(protocol, Kept(store, protocol), load().values(), jobs, option)
    show_design(design)
    code = {"proved": HELD, "refuted": BROKEN, "undecided": UNDECIDED}[found.status]
    if found.trace is not None:
        show_trace(found.trace, None)
        console().print(f"Whether a guard mends it: rollproof repair{option}", soft_wrap=True)
    if found.broken is not None:
        show_broken(found.broken)
    if found.status == "proved":
        anew = f"anew: {', '.join(found.proved_anew)}" if found.proved_anew else "all of them known"
        console().print(f"{found.obligations} obligations proved, {anew}", soft_wrap=True)
    if found.status == "undecided":
        for each in found.open[:SHOWN]:
            console().print(open_line(each), soft_wrap=True)
        console().print(f"No run that goes wrong was found in: {found.searched}", soft_wrap=True)
    took = f" in {time.perf_counter() - started:.2f} s: {protocol.name}"
    console().print(Text.assemble((found.status, COLOURS[found.status]), took), soft_wrap=True)
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


def _trust(
    protocol: Protocol, report: ProofReport, counterexamples: Any, jobs: int | None, memory: Kept | None
) -> Trust:
    guards = sum(len(each.guards) for each in protocol.transitions.values())
    with progress("removing guards", guards + len(VARIANTS)) as bar:
        return trust(protocol, report, counterexamples, jobs, lambda: bar.advance(bar.task_ids[0]), memory)


def _counterexample(protocol: Protocol, judgement: Judgement) -> CounterexampleToInduction | None:
    if judgement.status != "undecided":
        return None
    open_ = (open_ for each in judgement.judged for open_ in each.open)
    return next(filter(None, (counterexample_to_induction(protocol, each) for each in islice(open_, _TRIED))), None)


def _option(without: str | None, variant: str | None, own: str | None) -> str:
    options = {"protocol": own, "without": without, "variant": variant}
    return "".join(f" --{name} {value}" for name, value in options.items() if value is not None)


def _write_picture(path: Path, judgement: Judgement, protocol: Protocol, command: str, option: str) -> None:
    broken = judgement.broken
    if judgement.trace is None and broken is not None:
        if not draw(path, broken.again, protocol, option):
            told = f"{path} is not written: {broken.name} is a law of a small part, and no run shows it"
            console(stderr=True).print(told, soft_wrap=True)
        return
    write_page(path, {"": pictured(judgement.trace, command)} if judgement.trace is not None else {})


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
