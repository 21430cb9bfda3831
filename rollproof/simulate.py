"""`rollproof simulate`: named scenarios, a written schedule, or a campaign of random sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from rollproof import campaigns
from rollproof.conformance.logs.record import RecordingError, lines, recorded, recording
from rollproof.model.documents import DocumentError
from rollproof.model.runs.sessions import TooLongError, run_of_session
from rollproof.model.sessions.campaign import (
    long_setup,
    protocol_named,
    random_setup,
    small_promises,
    small_setup,
)
from rollproof.model.sessions.contract import Contract
from rollproof.model.sessions.examined import Broken, broken_law, examine
from rollproof.model.sessions.healing import HEALED, healing_setup
from rollproof.model.sessions.holding import can_be_held, holding
from rollproof.model.sessions.promises import Promise
from rollproof.model.sessions.report import PeerReport
from rollproof.model.sessions.scenarios import FAMILIES, SCENARIOS, SOUND, Played, named, play
from rollproof.model.sessions.schedule import load
from rollproof.model.sessions.session import Result
from rollproof.model.sessions.setup import Setup, Source
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.variants.variants import VARIANTS
from rollproof.output import (
    BROKEN,
    HELD,
    Output,
    UsageError,
    console,
    many,
    progress,
    table,
    unknown,
    verdict,
    write_file,
    write_json,
)
from rollproof.pictures import write_page
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol
from rollproof.shared import OwnProtocol, adopt, protocol_without, show_broken

LEGEND = (
    "rows: exported; conf, unconf: of these confirmed, and promoted without confirmation; rollb, depth: rollbacks, and "
    "the greatest; ≠peers, ≠truth: cells that differ between the peers, and from the lockstep run"
)


def simulate(
    *names: str,
    every: Annotated[bool, Parameter(name="--all")] = False,
    listed: Annotated[bool, Parameter(name="--list")] = False,
    schedule: Path | None = None,
    campaign: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    variant: str = PROTOCOL.name,
    without: str | None = None,
    own: OwnProtocol = None,
    small: bool = False,
    healing: bool = False,
    long: bool = False,
    strict: bool = False,
    theorem: str | None = None,
    laws: bool = False,
    save_schedule: Output = None,
    save_log: Output = None,
    html: Output = None,
    json: Output = None,
) -> int:
    """Simulate sessions of peers over a faulty network, and check what they promise.

    Exits with 0 if every promise held, 1 if one was broken, 2 if the command or its input is wrong.

    Parameters
    ----------
    names:
        Scenarios to play; the name of a family stands for all of its forms.
    every:
        Play every scenario.
    listed:
        List the scenarios, and play none.
    schedule:
        Play the session that is written out in this file.
    campaign:
        Play this many random sessions with random faults.
    seed:
        The seed of the first random session; the others have the seeds after it. Default: 0.
    jobs:
        How many processes play the random sessions. Default: one per processor.
    dask:
        The address of a Dask cluster whose workers play them instead.
    variant:
        Play under this variant of the protocol.
    without:
        Play under the protocol without a guard: TRANSITION.GUARD, or GUARD for every transition that has it.
    own:
        Play under the protocol of this file: FILE.py, or FILE.py:NAME. The file is Python code, and is run.
    small:
        Let the random sessions be short ones, of few frames: those that `rollproof verify` plays.
    healing:
        Let them be short ones whose links heal after a while: everything must come to its end.
    long:
        Let them be long ones, of over a thousand frames.
    strict:
        Hold every call of a driver to its contract as well, and stop at the first that breaks it.
    theorem:
        With --strict: hold every step to this theorem or lemma, too.
    laws:
        Check what the small parts of the reference must do, and play nothing.
    save_schedule:
        Write the session out to this file: the only one, or the first of a campaign to break a promise.
    save_log:
        Write a log of the only session to this file, for `rollproof check-log`; the session plays the suite's game.
    html:
        Write a page that shows the only session in a browser; that of a variant beside the present protocol's.
    json:
        Write the results to this file.
    """
    if sum((bool(names) or every, listed, schedule is not None, campaign is not None, laws)) != 1 or (names and every):
        raise UsageError("give one of: scenario names, --all, --list, --schedule FILE, --campaign N, --laws")
    if campaign is None and not (seed is None and jobs is None and dask is None and not (small or healing or long)):
        raise UsageError("--seed, --jobs, --small, --healing, --long and --dask belong to --campaign")
    if own is not None:
        if variant != PROTOCOL.name:
            raise UsageError("--protocol and --variant exclude each other")
        adopt(own)
        variant = own
    elif variant != PROTOCOL.name and variant not in VARIANTS:
        raise unknown("variant", variant, (PROTOCOL.name, *VARIANTS))
    if without is not None and ((variant != PROTOCOL.name and own is None) or (campaign is not None and not strict)):
        raise UsageError("--without excludes --variant, and belongs to scenarios, schedules and --strict")
    kinds = [name for name, asked in (("small", small), ("healing", healing), ("long", long)) if asked]
    if kinds and not strict:
        raise UsageError(f"--{kinds[0]} belongs to --campaign with --strict")
    if len(kinds) > 1:
        raise UsageError(f"{' and '.join(f'--{kind}' for kind in kinds)} exclude each other")
    more = _held(theorem, strict=strict)
    kind = (*kinds, "random")[0]
    if save_log is not None and (listed or campaign is not None):
        raise UsageError("--save-log takes one scenario or schedule")
    if html is not None and (listed or laws or (campaign or 1) != 1):
        raise UsageError("--html takes one session: a scenario, a schedule, or --campaign 1")
    if strict and not (save_schedule is None and save_log is None):
        raise UsageError("--strict saves no schedule and no log")
    if listed:
        return _list(json)
    protocol = protocol_named(variant) if without is None else protocol_without(without)
    option = campaigns.option_of(variant) + ("" if without is None else f" --without {without}")
    if laws:
        return _strictly([broken_law(f"--laws{option}", protocol)], json)
    if campaign is not None and html is not None:
        _write_picture(html, _random(seed or 0, kind, strict=strict), protocol, option)
    if campaign is not None and not strict:
        return campaigns.play(campaign, seed or 0, jobs, dask, variant, save_schedule, json)
    if campaign is not None:
        return _strictly(_examined(campaign, seed or 0, protocol, option, kind, more), json)
    played = _from_schedule(schedule) if schedule is not None else _scenarios(tuple(SCENARIOS) if every else names)
    for name, path in (("--save-schedule", save_schedule), ("--save-log", save_log), ("--html", html)):
        if path is not None and len(played) > 1:
            raise UsageError(f"{name} takes one scenario, not several")
    if html is not None:
        _write_picture(html, played[0], protocol, option)
    if strict:
        again = f" --strict{option}"
        return _strictly((examine(s.source, s.promises, protocol, f"{s.again}{again}", more) for s in played), json)
    return _play(played, protocol, option, save_schedule, save_log, json)


def _held(theorem: str | None, *, strict: bool) -> tuple[Contract, ...]:
    if theorem is None:
        return ()
    held = {name: each for name, each in PROPERTIES.items() if can_be_held(each)}
    if not strict:
        raise UsageError("--theorem belongs to --strict")
    if theorem not in held:
        raise unknown("theorem or lemma that a session can be held to", theorem, held)
    return (holding(held[theorem]),)


def _examined(
    count: int, first: int, protocol: Protocol, option: str, kind: str, more: tuple[Contract, ...]
) -> Iterator[Broken | None]:
    campaigns.check(count, first)
    for seed in range(first, first + count):
        session = _random(seed, kind, strict=True)
        told = f"{session.again}{'' if not more else f' --theorem {more[0].name}'}{option}"
        yield examine(session.source, session.promises, protocol, told, more)


def _random(seed: int, kind: str, *, strict: bool) -> _Session:
    setup, promises = _RANDOM[kind](seed)
    option = "" if kind == "random" else f" --{kind}"
    again = f"--campaign 1 --seed {seed}{option}{' --strict' if strict else ''}"
    name = f"{kind} session {seed}"
    return _Session(name, name.capitalize(), (), setup, tuple(promises), again)


_RANDOM: dict[str, Callable[[int], tuple[Setup, Sequence[Promise]]]] = {
    "random": lambda seed: (random_setup(seed), SOUND),
    "small": lambda seed: (small_setup(seed), small_promises(seed)),
    "healing": lambda seed: (healing_setup(seed), HEALED),
    "long": lambda seed: (long_setup(seed), SOUND),
}
"""What the random sessions of a campaign are, and what they promise."""


def _strictly(examined: Iterable[Broken | None], json: Path | None) -> int:
    """Show what is broken first, if anything is."""
    broken = next((each for each in examined if each is not None), None)
    if json is not None:
        shown = None if broken is None else attrs.asdict(broken)
        write_json(
            json, {"format": campaigns.FORMAT, "version": campaigns.VERSION, "held": broken is None, "broken": shown}
        )
    if broken is None:
        console().print("Nothing is broken.")
        return HELD
    show_broken(broken)
    return BROKEN


# --- single sessions --------------------------------------------------------------------------------------------------


@attrs.frozen
class _Session:
    name: str
    title: str
    rules: tuple[str, ...]
    source: Source
    promises: tuple[Promise, ...]
    again: str
    """The arguments that play it again."""


def _scenarios(names: tuple[str, ...]) -> list[_Session]:
    chosen = {}
    for name in names:
        found = named(name)
        if not found:
            raise unknown("scenario", name, (*SCENARIOS, *FAMILIES))
        chosen.update({each.name: each for each in found})
    return [_Session(s.name, s.title, s.rules, s.setup, s.promises, s.name) for s in chosen.values()]


def _from_schedule(path: Path) -> list[_Session]:
    try:
        schedule = load(path)
    except DocumentError as error:
        raise UsageError(str(error)) from None
    title = schedule.title or path.name
    return [_Session(path.name, title, (), schedule, SOUND, f"--schedule {path}")]


def _play(
    sessions: list[_Session],
    protocol: Protocol,
    option: str,
    save_schedule: Path | None,
    save_log: Path | None,
    json: Path | None,
) -> int:
    name = protocol.name
    if save_log is not None:
        sessions, protocol = _recorded(sessions), recording(protocol)
    verdicts: list[tuple[_Session, Played]] = []
    with progress("simulating", len(sessions)) as bar:
        for session in sessions:
            verdicts.append((session, play(session.source, session.promises, protocol)))
            bar.advance(bar.task_ids[0])
    if save_schedule is not None:
        campaigns.save(save_schedule, verdicts[0][1].result, sessions[0].name)
    if save_log is not None:
        _save_log(save_log, verdicts[0][1].result)
    held = all(verdict.held for _, verdict in verdicts)
    if json is not None:
        write_json(json, campaigns.document(name, held, sessions=[_session_document(*each) for each in verdicts]))
    _show(verdicts, name, option)
    return HELD if held else BROKEN


def draw(path: Path, again: str, protocol: Protocol, option: str) -> bool:
    """Draw the session that these arguments play, if they play one; tell whether they do."""
    words = again.split()
    if words[0] in SCENARIOS:
        (session,) = _scenarios((words[0],))
    elif "--seed" in words:
        kind = next((kind for kind in _RANDOM if f"--{kind}" in words), "random")
        session = _random(int(words[words.index("--seed") + 1]), kind, strict=True)
    else:
        return False
    _write_picture(path, session, protocol, option)
    return True


def _write_picture(path: Path, session: _Session, protocol: Protocol, option: str) -> None:
    drawn = {protocol.name: (protocol, option), PROTOCOL.name: (PROTOCOL, "")}
    try:
        runs = [
            run_of_session(
                session.source,
                each,
                session.title if each is PROTOCOL else f"{session.title} ({name})",
                session.promises,
                again=f"rollproof simulate {session.again}{again}",
            )
            for name, (each, again) in drawn.items()
        ]
    except TooLongError as error:
        raise UsageError(str(error)) from None
    write_page(path, {"": runs}, session.title)


def _recorded(sessions: list[_Session]) -> list[_Session]:
    try:
        return [attrs.evolve(session, source=recorded(session.source)) for session in sessions]
    except RecordingError as error:
        raise UsageError(str(error)) from None


def _save_log(path: Path, result: Result) -> None:
    try:
        write_file(path, "".join(lines(result)))
    except RecordingError as error:
        raise UsageError(str(error)) from None


def _show(verdicts: list[tuple[_Session, Played]], protocol: str, option: str) -> None:
    out = console()
    numbers = ("rows", "conf", "unconf", "rollb", "depth", "≠peers", "≠truth")
    result = table(
        f"Sessions under the protocol {protocol!r}", "promises", "scenario", "peer", *numbers, numbers=numbers
    )
    for session, judged in verdicts:
        for at, peer in enumerate(judged.peers):
            first = (verdict(judged.held, "held"), session.name) if at == 0 else ("", "")
            result.add_row(*first, peer.player, *_numbers(peer))
    out.print(result)
    out.print(LEGEND, soft_wrap=True, style="dim")
    broken = [(session, problem) for session, judged in verdicts for problem in judged.broken]
    if broken:
        out.print("\nBroken promises", style="bold")
    for session, (promise, problem) in broken:
        out.print(f"{session.name}: {promise.name} ({', '.join(promise.rules)}): {problem}", soft_wrap=True)
    failed = [session for session, judged in verdicts if not judged.held]
    out.print(f"\n{len(verdicts) - len(failed)} of {many(len(verdicts), 'session')} kept every promise.")
    if failed:
        out.print(f"To see the first failure again: rollproof simulate {failed[0].again}{option}")


def _numbers(peer: PeerReport) -> tuple[str, ...]:
    return (
        str(peer.rows),
        str(peer.confirmed),
        str(peer.unconfirmed),
        str(peer.rollbacks),
        str(peer.greatest_depth),
        str(sum(peer.differing.values())),
        str(peer.differing_from_lockstep),
    )


def _session_document(session: _Session, judged: Played) -> dict[str, Any]:
    return {
        "name": session.name,
        "title": session.title,
        "rules": list(session.rules),
        "held": judged.held,
        "promises": [
            {
                "name": promise.name,
                "sentence": promise.sentence,
                "rules": list(promise.rules),
                "broken": [problem for broken, problem in judged.broken if broken is promise],
            }
            for promise in session.promises
        ],
        "peers": [attrs.asdict(peer) for peer in judged.peers],
        "ended_ms": judged.result.ended_ms,
    }


def _list(json: Path | None) -> int:
    result = table("Scenarios", "scenario", "parity", "rules", "title")
    for scenario in SCENARIOS.values():
        parity = "promised" if scenario.promises_parity else ""
        result.add_row(scenario.name, parity, " ".join(scenario.rules), scenario.title)
    if json is not None:
        scenarios = [
            {
                "name": scenario.name,
                "family": scenario.family or scenario.name,
                "title": scenario.title,
                "rules": list(scenario.rules),
                "promises": [promise.name for promise in scenario.promises],
            }
            for scenario in SCENARIOS.values()
        ]
        write_json(json, {"format": "rollproof-scenarios", "version": campaigns.VERSION, "scenarios": scenarios})
    console().print(result)
    return HELD
