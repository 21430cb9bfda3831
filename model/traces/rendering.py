"""Stories told: as text for people, as a Mermaid sequence diagram, and in the Informal Trace Format for viewers."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from rollproof.model.theorems.blame import Comparison
from rollproof.model.traces import itf
from rollproof.model.traces.trace import Ending, Story, StoryStep

NOTHING = "—"
ENVIRONMENT = ("receive_input", "receive_end", "receive_ack", "receive_hash")
"""The transitions in which a partner's message arrives."""
LABEL_WIDTH = 40
"""How many characters of a diagram's label stand on one line."""
_UNTOLD = ("metrics", "digest", "snapshots")
"""Parts of the state that text leaves out: they follow from what it shows, and from the events."""


def as_text(story: Story) -> Text:
    """Return numbered steps, each with its sentence and what it changed, and what is violated at the end."""
    text = Text()
    text.append(f"A run of {_peers(story)} under the protocol {story.protocol!r}", "bold")
    text.append(f" (instance {story.instance!r})\n")
    states = story.starts
    for number, step in enumerate(story.steps, 1):
        text.append(f"\n{number:>3}. {f'{printable(step.player)}: ' if story.others else ''}")
        text.append(printable(step.transition), "bold cyan")
        text.append(f"({args_of(step)})\n")
        text.append(f"     {printable(step.sentence)}\n")
        for name, old, new in changes(states[step.player], step.state):
            text.append(f"       {name}: ")
            text.append(f"{old} → {new}\n", "yellow")
        states[step.player] = step.state
    if story.verdict is not None:
        text.append("\n")
        text.append_text(_verdict_text(story.verdict))
    return text


def as_mermaid(story: Story) -> str:
    """Return a sequence diagram of the peers, their partners, and the buffers of a single peer."""
    states = story.starts
    peers = {player: f"P{at}" for at, player in enumerate(states)}
    lines = ["sequenceDiagram", "    participant N as partners"]
    lines += (f"    participant {name} as {_label(f'peer {player}')}" for player, name in peers.items())
    if not story.others:
        lines += ["    participant S as speculative", "    participant C as canonical"]
    for number, step in enumerate(story.steps, 1):
        lines += (f"    {line}" for line in _arrows(number, step, peers))
        told = [
            f"{name} {old} → {new}"
            for name, old, new in changes(states[step.player], step.state)
            if "record" not in name and "simulation" not in name
        ]
        if told:
            lines.append(f"    Note over {peers[step.player]}: {_label(*told)}")
        states[step.player] = step.state
    if story.verdict is not None:
        lines.append(f"    Note over N,P0: {_label(*verdict_lines(story.verdict))}")
    return "\n".join(lines) + "\n"


def as_itf(story: Story) -> dict[str, Any]:
    """Return the trace in the Informal Trace Format: the parts of the state, and what led to it.

    With several peers each variable is a map from players to values.
    """
    present: dict[str, Mapping[str, Any]] = dict(story.starts)
    states = [("start", dict(present))]
    for step in story.steps:
        present[step.player] = step.state
        states.append((f"{printable(step.player)}: {_call(step)}" if story.others else _call(step), dict(present)))
    names = [name for name in sorted(story.start) if all(name in each for _, all_ in states for each in all_.values())]
    description = f"Run of {_peers(story)} under the protocol {story.protocol!r}."
    if story.verdict is not None:
        description = " ".join((description, *verdict_lines(story.verdict)))

    def value(name: str, peers: Mapping[str, Mapping[str, Any]]) -> Any:
        if not story.others:
            return peers[story.player][name]
        return itf.Map({player: state[name] for player, state in peers.items()})

    return {
        "#meta": {
            "format": "ITF",
            "format-description": "https://apalache.informal.systems/docs/adr/015adr-trace.html",
            "description": description,
        },
        "params": [],
        "vars": ["step", *names],
        "states": [
            {"#meta": {"index": at}, "step": call, **{name: itf.encode(value(name, peers)) for name in names}}
            for at, (call, peers) in enumerate(states)
        ],
    }


def _peers(story: Story) -> str:
    names = [shown(player) for player in story.starts]
    return f"peer {names[0]}" if len(names) == 1 else f"the peers {', '.join(names[:-1])} and {names[-1]}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Iterate over what differs between two states: its name, and both values as text."""
    for part in after:
        if part in _UNTOLD:
            continue
        old, new = before.get(part), after[part]
        if old == new:
            continue
        name = _PARTS.get(part, printable(part.replace("_", " ")))
        if isinstance(new, dict) and isinstance(old, dict):
            yield from _entries(name, old, new)
        else:
            yield name, shown(old), shown(new)


def _entries(name: str, old: Mapping[Any, Any], new: Mapping[Any, Any]) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if one != other:
            yield f"{name} {_key(key)}", shown(one), shown(other)


def shown(value: Any) -> str:
    """Return a plain value as short text."""
    match value:
        case None:
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return str(value).replace("-", "−")
        case str():
            return printable(value) or NOTHING
        case {"player": player, "frame": frame, "action": action}:
            return f"{player} did {shown(action)} in frame {shown(frame)}"
        case {"record": {"actions": {"actions": actions}}, "unconfirmed": unconfirmed}:
            return f"actions {shown(actions)}{', unconfirmed' if unconfirmed else ''}"
        case {"players": _, "actions": actions}:
            return shown(actions)
        case {"actions": actions, **rest}:
            marks = [name for name in ("predicted", "over", "unconfirmed") if rest.get(name) is True]
            return f"actions {shown(actions)}{''.join(f', {mark}' for mark in marks)}"
        case dict():
            return ", ".join(f"{_key(key)} {shown(each)}" for key, each in value.items()) or NOTHING
        case frozenset():
            return ", ".join(shown(each) for each in itf.ordered(value)) or NOTHING
        case tuple():
            return " ".join(shown(each) for each in value) or "empty"
    return printable(str(value))


def printable(text: str) -> str:
    """Return text on one line in which nothing moves a terminal's cursor."""
    return "".join(mark if mark.isprintable() else " " for mark in text)


def verdict_lines(verdict: Ending) -> Iterator[str]:
    """Iterate over the lines that say what is violated, where, and by which values."""
    yield f"This violates {verdict.property}: {verdict.sentence}"
    where = [f"Clause {verdict.clause!r}"]
    if verdict.player is not None:
        where.append(f"player {verdict.player}")
    if verdict.frame is not None:
        where.append(f"frame {shown(verdict.frame)}")
    if verdict.rules:
        where.append(f"rules {', '.join(verdict.rules)}")
    yield f"{', '.join(where)}."
    if verdict.compared is not None:
        yield _compared(verdict.compared)
    if verdict.detail is not None:
        yield f"{verdict.detail}."


def _compared(it: Comparison) -> str:
    expected = f"expected: {'not ' if it.held else ''}"
    if it.relation == "is":
        value = "missing" if it.left_value is None else shown(it.left_value)
        return f"{it.left} is {value}; {expected}{it.right}."
    values = " and ".join(f"{name} is {shown(value)}" for name, value in _named_values(it))
    return f"{values}; {expected}{it.left} {it.relation} {it.right}."


def _named_values(it: Comparison) -> Iterator[tuple[str, Any]]:
    """Iterate over the sides of a comparison that are not written as their values."""
    for name, value in ((it.left, it.left_value), (it.right, it.right_value)):
        if name not in (shown(value), str(value), repr(value)):
            yield name, value


def _verdict_text(verdict: Ending) -> Text:
    first, *rest = verdict_lines(verdict)
    text = Text(f"{printable(first)}\n", "bold red")
    for line in rest:
        text.append(f"  {printable(line)}\n")
    return text


def _arrows(number: int, step: StoryStep, peers: Mapping[str, str]) -> Iterator[str]:
    call = _label(f"{number}. {_call(step)}")
    me = peers[step.player]
    match step.transition:
        case name if name in ENVIRONMENT:
            sender = step.args.get("player")
            yield f"{peers.get(sender, 'N') if isinstance(sender, str) else 'N'}->>{me}: {call}"
        case "simulate_frame" | "replay_frame" if len(peers) == 1:
            yield f"{me}->>S: {call}"
        case "promote_frame" | "force_promote_frame" if len(peers) == 1:
            yield f"S->>C: {call}"
        case _:
            yield f"{me}->>{me}: {call}"
    for kind, details in step.events:
        if kind == "Sent":
            to, path = shown(details.get("to")), shown(details.get("path"))
            yield f"{me}->>N: {_label(f'message to {to} on {path}')}"


def _call(step: StoryStep) -> str:
    return f"{printable(step.transition)}({args_of(step)})"


def args_of(step: StoryStep) -> str:
    """Return the arguments of a step as text."""
    return ", ".join(f"{printable(name)} {shown(value)}" for name, value in step.args.items())


def _key(key: Any) -> str:
    return f"of {key[0]} in frame {shown(key[1])}" if isinstance(key, tuple) and len(key) == 2 else shown(key)


def _label(*lines: str) -> str:
    """Return lines, wrapped, in which nothing has a meaning to Mermaid: no mark, no line break, no lone keyword."""
    wrapped = (part for line in lines for part in textwrap.wrap(" ".join(line.split()), LABEL_WIDTH))
    return "<br/>".join(_escaped(part) for part in wrapped)


def _escaped(text: str) -> str:
    return re.sub(r"\bend\b", "(end)", "".join(_MARKS.get(mark, mark) for mark in text))


_MARKS = {"#": "#35;", ";": "#59;", "<": "#lt;", ">": "#gt;", "%": "#37;"}
_PARTS = {
    "known_inputs": "input",
    "queue_p2p": "peer-to-peer queue",
    "queue_relay": "relay queue",
    "speculative": "speculative record",
    "canonical": "canonical record",
    "announced_ends": "end announced by",
    "links": "link to",
    "deliveries": "delivery to",
    "heard_hashes": "hash",
}
