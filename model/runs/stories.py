"""Told traces as runs: what one peer, or several, do step by step, with what arrives from outside."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from rollproof.model.bounded import bounded
from rollproof.model.runs.cells import Band, Row, differing
from rollproof.model.runs.run import GuardLine, Moment, Packet, Run, TransitionLines, Verdict
from rollproof.model.traces.rendering import args_of, changes, printable, shown, verdict_lines
from rollproof.model.traces.trace import Story, StoryStep, Trace, story_of
from rollproof.reference.events import Event
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Protocol, Transition

COUNTERS = {
    "phase": "phase",
    "epoch": "epoch",
    "frame": "frame",
    "confirmed": "confirmed",
    "promoted": "promoted",
    "pending_rollback": "pending",
    "replay_cursor": "replaying",
}
"""The parts of a state that are shown as counters, and what they are called there."""
_SHOWN = (
    "input of",
    "speculative record",
    "canonical record",
    "simulation",
    *(each.replace("_", " ") for each in COUNTERS),
)
"""What cells and counters show already."""


def run_of_story(story: Story, again: str = "", refusals: Mapping[int, str] | None = None) -> Run:
    """Return a told trace as a run; its clock counts steps. Of steps that were refused, `refusals` has the guards."""
    states: dict[str, Mapping[str, Any]] = dict(story.starts)
    players = players_of(story)
    bands = {player: Band(players, players.index(player)) for player in states}
    run = Run(
        title=f"A run under the protocol {printable(story.protocol)!r}",
        about=f"Instance {printable(story.instance)!r}: the states are real ones, from the first on.",
        protocol=printable(story.protocol),
        clock="step",
        players=players,
        peers=tuple(states),
        again=again,
        start={player: counters({}, state) for player, state in states.items()},
    )
    for number, step in enumerate(story.steps):
        before = states[step.player]
        states[step.player] = step.state
        moment = _moment(number, step, before, bands[step.player])
        if refusals is not None and number in refusals:
            moment.refused, moment.without = refusals[number], ()
        run.moments.append(moment)
        run.transitions.setdefault(step.transition, lines_of(step.transition, step.sentence))
        _add_packets(run, number, step)
    if story.verdict is not None:
        lines = tuple(printable(line) for line in verdict_lines(story.verdict))
        run.verdict = Verdict(
            held=False,
            name=story.verdict.property,
            lines=lines,
            peer=story.steps[-1].player if story.steps else story.player,
            frame=story.verdict.frame,
            moment=len(story.steps) - 1 if story.steps else None,
        )
    return run


def under(trace: Trace, protocol: Protocol, again: str = "") -> Run:
    """Return what becomes of a trace under another protocol: the same steps, of which its guards refuse some."""
    states = {trace.player: trace.start, **dict(trace.others)}
    steps, refusals = [], {}
    for number, step in enumerate(trace.steps):
        transition = protocol.transitions.get(step.transition)
        before = states[step.player]
        after, events, refused = _attempted(transition, before, tuple(value for _, value in step.args))
        if refused:
            refusals[number] = refused
        states[step.player] = after
        sentence = step.sentence if transition is None else " ".join(transition.sentence.split())
        steps.append(evolve(step, before=before, after=after, events=events, sentence=sentence))
    other = evolve(trace, protocol=protocol.name, steps=tuple(steps), violation=None)
    return run_of_story(story_of(other), again, refusals)


def _attempted(
    transition: Transition[Any] | None, peer: Peer, args: tuple[Any, ...]
) -> tuple[Peer, tuple[Event, ...], str]:
    """Return what a step leads to, and which guard refuses it, if one does."""
    if transition is None:
        return peer, (), "the protocol, which has no such transition"
    try:
        record = transition.arguments(*args)
        refusal = bounded(transition.refusal, peer, record)
        if refusal is not None:
            return peer, (), refusal.name
        after, events = bounded(transition.perform, peer, record)
    except Exception as error:
        return peer, (), f"an error: {type(error).__name__}"
    return after, events, ""


def players_of(story: Story) -> tuple[str, ...]:
    """Return all players of a story in the order of their actions."""
    told = story.start.get("players")
    if isinstance(told, tuple) and all(isinstance(each, str) for each in told) and set(story.starts) <= set(told):
        return told
    links = story.start.get("links")
    return tuple(sorted({*story.starts, *(links if isinstance(links, dict) else ())}))


def lines_of(name: str, sentence: str = "") -> TransitionLines:
    """Return what is told of a transition; of one that the present protocol has, with its rules and guards."""
    known = PROTOCOL.transitions.get(name)
    if known is None:
        return TransitionLines(sentence, ())
    guards = tuple(GuardLine(each.name, " ".join(each.sentence.split()), each.rules) for each in known.guards)
    return TransitionLines(sentence or " ".join(known.sentence.split()), known.rules, guards)


def counters(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counters that differ between two told states."""
    return {
        name: after.get(part)
        for part, name in COUNTERS.items()
        if part in after and (part not in before or before[part] != after[part])
    }


def _moment(number: int, step: StoryStep, before: Mapping[str, Any], band: Band) -> Moment:
    after = step.state
    cleared = before.get("epoch") != after.get("epoch")
    if cleared:
        band.clear()
    old, new = ({} if cleared else _rows(before, band.players)), _rows(after, band.players)
    known_before, known = ({} if cleared else _known(before, band.players)), _known(after, band.players)
    frames = {frame for frame in {*old, *new} if old.get(frame) != new.get(frame)}
    frames |= {frame for frame in differing(known_before, known) if known_before.get(frame) != known.get(frame)}
    return Moment(
        peer=step.player,
        name=printable(step.transition),
        at=number + 1,
        args=args_of(step),
        cells=band.update(frames, known.get, new.get),
        values=counters(before, after),
        changes=tuple(each for each in changes(before, after) if not each[0].startswith(_SHOWN)),
        told=tuple(f"{kind}({shown(dict(details))})" for kind, details in step.events),
        cleared=cleared,
        without=step.without,
        call=number,
    )


def _known(state: Mapping[str, Any], players: tuple[str, ...]) -> dict[int, tuple[Any, ...]]:
    known = state.get("known_inputs")
    rows: dict[int, list[Any]] = {}
    for key, action in (known if isinstance(known, dict) else {}).items():
        match key:
            case (str() as player, int() as frame) if player in players:
                rows.setdefault(frame, [None] * len(players))[players.index(player)] = action
    return {frame: tuple(row) for frame, row in rows.items()}


def _rows(state: Mapping[str, Any], players: tuple[str, ...]) -> dict[int, Row]:
    rows = {}
    for buffer in ("speculative", "canonical"):
        records = state.get(buffer)
        for frame, record in (records if isinstance(records, dict) else {}).items():
            match record:
                case {"actions": tuple() as actions} if isinstance(frame, int) and len(actions) == len(players):
                    rows[frame] = Row(
                        actions,
                        record.get("predicted") is True,
                        f"{buffer}: {shown(record)}; returns {shown(record.get('returns'))}",
                        buffer == "canonical",
                        record.get("unconfirmed") is True,
                    )
    return rows


def _add_packets(run: Run, number: int, step: StoryStep) -> None:
    sender = step.args.get("player")
    if step.transition.startswith("receive_") and isinstance(sender, str) and sender in run.players:
        text = f"{step.transition.removeprefix('receive_')}: {args_of(step)}"
        run.packets.append(Packet(sender, step.player, "", text, None, None, [(number + 1, number)]))
    for kind, details in step.events:
        to = details.get("to")
        if kind == "Sent" and isinstance(to, str) and to in run.players:
            text = shown(details.get("message"))
            path = shown(details.get("path"))
            run.packets.append(Packet(step.player, to, path, text, number + 1, number, fate="under way"))
