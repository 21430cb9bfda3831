"""Traces: runs of one peer, step by step, and the documents they are saved as.

A trace of the search holds states of the reference. A `Story` holds what is told of it, in plain values, so that one
that was saved can be shown by someone who has neither the protocol nor the states. All renderings begin with a story.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
from attrs import evolve, frozen

from rollproof.model import documents
from rollproof.model.bounded import bounded
from rollproof.model.documents import DocumentError
from rollproof.model.theorems.blame import Comparison, Violation
from rollproof.model.traces import itf
from rollproof.model.traces.describe import describe, plain
from rollproof.model.traces.itf import Map
from rollproof.reference.containers import Player
from rollproof.reference.events import Event
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard

FORMAT = "rollproof-trace"
VERSION = 1
MOST_BYTES = 16 * 2**20
MOST_STEPS = 10_000
DEEPEST = 40
"""How deeply a document may be nested."""


@frozen
class TraceStep:
    """One step of a run."""

    transition: str
    sentence: str
    """What the transition does, in English."""
    args: tuple[tuple[str, Any], ...]
    """By name."""
    events: tuple[Event, ...]
    before: Peer
    after: Peer
    """The same as before, if the transition raised."""
    player: Player
    """Whose peer takes the step."""


@frozen
class Trace:
    """A run of one peer, or of several, from the initial state."""

    protocol: str
    instance: str
    player: Player
    start: Peer
    steps: tuple[TraceStep, ...]
    violation: Violation | None = None
    """What is violated by its last state or step; None in a trace to a witness."""
    others: tuple[tuple[Player, Peer], ...] = ()
    """The other peers that take part, with their initial states."""

    @property
    def end(self) -> Peer:
        """The last state."""
        return self.steps[-1].after if self.steps else self.start


@frozen
class StoryStep:
    """One step as it is told."""

    transition: str
    sentence: str
    args: Mapping[str, Any]
    events: tuple[tuple[str, Mapping[str, Any]], ...]
    """What happened, by kind, with the details."""
    state: Mapping[str, Any]
    """The state after it (`model.traces.describe`)."""
    player: Player
    """Whose peer takes the step, and has that state."""
    without: tuple[str, ...] = ()
    """The guards of the present protocol that would have refused it."""


@frozen
class Ending:
    """What a story ends with: the theorem that is violated."""

    property: str
    sentence: str
    rules: tuple[str, ...]
    clause: str
    player: str | None
    frame: int | None
    compared: Comparison | None
    detail: str | None


@frozen
class Story:
    """A trace in plain values."""

    protocol: str
    instance: str
    player: Player
    start: Mapping[str, Any]
    """The initial state (`model.traces.describe`)."""
    steps: tuple[StoryStep, ...]
    verdict: Ending | None
    others: Mapping[Player, Mapping[str, Any]] = Map()
    """The initial states of the other peers that take part."""

    @property
    def starts(self) -> dict[Player, Mapping[str, Any]]:
        """The initial states of all peers that take part."""
        return {self.player: self.start, **self.others}


def story_of(trace: Trace) -> Story:
    """Return what is told of a trace."""
    steps = tuple(
        StoryStep(
            step.transition,
            step.sentence,
            {name: plain(value) for name, value in step.args},
            tuple((type(event).__name__, plain(event)) for event in step.events),
            describe(step.after),
            step.player,
            refusing(step),
        )
        for step in trace.steps
    )
    violation = None if trace.violation is None else _verdict(trace.violation)
    others = Map({player: describe(start) for player, start in trace.others})
    return Story(trace.protocol, trace.instance, trace.player, describe(trace.start), steps, violation, others)


def refusing(step: TraceStep) -> tuple[str, ...]:
    """Return the guards of the present protocol that refuse a step, which another protocol has taken."""
    present = PROTOCOL.transitions.get(step.transition)
    if present is None or present.parameters != tuple(name for name, _ in step.args):
        return ()
    args = present.arguments(*(value for _, value in step.args))
    return tuple(each.name for each in present.guards if refuses(each, step.before, args))


def refuses(guard: Guard[Any], peer: Peer, args: Any) -> bool:
    """Tell whether a guard does not hold; one that raises says nothing."""
    try:
        return not bounded(guard.holds, peer, args)
    except Exception:  # it relies on another guard
        return False


def _verdict(violation: Violation) -> Ending:
    compared = violation.comparison
    return Ending(
        violation.property,
        violation.sentence,
        violation.rules,
        violation.clause,
        violation.player,
        violation.frame,
        None
        if compared is None
        else evolve(compared, left_value=plain(compared.left_value), right_value=plain(compared.right_value)),
        violation.detail,
    )


def document_of(story: Story) -> dict[str, Any]:
    """Return a story as JSON; its values are those of the Informal Trace Format."""
    verdict = story.verdict
    return {
        "format": FORMAT,
        "version": VERSION,
        "protocol": story.protocol,
        "instance": story.instance,
        "player": story.player,
        "start": itf.encode(story.start),
        "others": itf.encode(Map(story.others)),
        "steps": [
            {
                "transition": step.transition,
                "sentence": step.sentence,
                "args": {name: itf.encode(value) for name, value in step.args.items()},
                "events": [{"kind": kind, "details": itf.encode(details)} for kind, details in step.events],
                "state": itf.encode(step.state),
                "player": step.player,
                "without": list(step.without),
            }
            for step in story.steps
        ],
        "verdict": None
        if verdict is None
        else {
            "property": verdict.property,
            "sentence": verdict.sentence,
            "rules": list(verdict.rules),
            "clause": verdict.clause,
            "player": verdict.player,
            "frame": verdict.frame,
            "compared": None
            if verdict.compared is None
            else {name: itf.encode(value) for name, value in attrs.asdict(verdict.compared, recurse=False).items()},
            "detail": verdict.detail,
        },
    }


def dumps(story: Story) -> str:
    """Return a story as the text of its document."""
    return json.dumps(document_of(story), indent=1) + "\n"


def load(path: Path) -> Story:
    """Read a saved story.

    Raises:
        DocumentError: if it is not one, in one line that says where and why.
    """
    document = documents.read_document(path, MOST_BYTES)
    try:
        _check_depth(document)
        _check_shape(document)
        return _story(document)
    except DocumentError as error:
        raise DocumentError(f"{path}: {error}") from None
    except ValueError as error:
        raise DocumentError(f"{path}: {error}") from None


def _check_depth(document: Any) -> None:
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > DEEPEST:
            raise DocumentError("nested too deeply")
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.values()
            elif isinstance(value, list):
                inner += value
        level = [value for value in inner if isinstance(value, dict | list)]


def _story(document: dict[str, Any]) -> Story:
    verdict = document["verdict"]
    others = itf.decode(document["others"])
    if not isinstance(others, Map) or not all(_is_state(*each) for each in others.items()):
        raise ValueError("others: must be a map from players to states")
    story = Story(
        document["protocol"],
        document["instance"],
        document["player"],
        _record(document["start"], "start"),
        tuple(_step(step, number) for number, step in enumerate(document["steps"], 1)),
        None if verdict is None else _verdict_from(verdict),
        others,
    )
    for number, step in enumerate(story.steps, 1):
        if step.player not in story.starts:
            raise ValueError(f"step {number}: there is no peer {step.player[:40]!r}")
    return story


def _is_state(player: Any, state: Any) -> bool:
    return isinstance(player, str) and _is_record(state)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)


def _verdict_from(verdict: dict[str, Any]) -> Ending:
    compared = None if verdict["compared"] is None else _comparison(verdict["compared"])
    return Ending(**{**verdict, "rules": tuple(verdict["rules"]), "compared": compared})


def _comparison(compared: dict[str, Any]) -> Comparison:
    return Comparison(**{name: itf.decode(value) for name, value in compared.items()})


def _step(step: dict[str, Any], number: int) -> StoryStep:
    return StoryStep(
        step["transition"],
        step["sentence"],
        _record(step["args"], f"step {number}, args"),
        tuple((event["kind"], _record(event["details"], f"step {number}, events")) for event in step["events"]),
        _record(step["state"], f"step {number}, state"),
        step["player"],
        tuple(step.get("without", ())),
    )


def _record(value: Any, where: str) -> dict[str, Any]:
    try:
        decoded = itf.decode(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not _is_record(decoded):
        raise ValueError(f"{where}: must be a record")
    return dict(decoded)


_TEXT = {"type": "string", "maxLength": 4000}
_NAME = {"type": "string", "minLength": 1, "maxLength": 200}
_MAYBE_TEXT = {"type": ["string", "null"], "maxLength": 4000}
_VALUES = {"type": "object", "maxProperties": 200}


def _closed(**properties: Any) -> dict[str, Any]:
    required = [name for name in properties if name != "without"]  # which older files do not have
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    **_closed(
        format={"const": FORMAT},
        version={"const": VERSION},
        protocol=_NAME,
        instance=_NAME,
        player=_NAME,
        start=_VALUES,
        others=_VALUES,
        steps={
            "type": "array",
            "maxItems": MOST_STEPS,
            "items": _closed(
                transition=_NAME,
                sentence=_TEXT,
                args=_VALUES,
                events={"type": "array", "maxItems": 1000, "items": _closed(kind=_NAME, details=_VALUES)},
                state=_VALUES,
                player=_NAME,
                without={"type": "array", "maxItems": 50, "items": _NAME},
            ),
        },
        verdict={
            "anyOf": [
                {"type": "null"},
                _closed(
                    property=_NAME,
                    sentence=_TEXT,
                    rules={"type": "array", "maxItems": 50, "items": _NAME},
                    clause=_NAME,
                    player=_MAYBE_TEXT,
                    frame={"type": ["integer", "null"]},
                    compared={
                        "anyOf": [
                            {"type": "null"},
                            _closed(
                                left=_NAME,
                                left_value={},
                                relation=_NAME,
                                right=_TEXT,
                                right_value={},
                                held={"type": "boolean"},
                            ),
                        ]
                    },
                    detail=_MAYBE_TEXT,
                ),
            ]
        },
    ),
}
"""Of a saved story."""
_check_shape = documents.checker(SCHEMA)
