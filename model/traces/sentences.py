"""Events in words: what a step tells, as a reader would say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof.model.traces.rendering import printable, shown

_SAYS: dict[str, str] = {
    "InputScheduled": "its own action {action} of frame {frame} is fixed",
    "InputStored": "input {action} of {player} in frame {frame} becomes known",
    "InputConflict": "{player} contradicts itself in frame {frame}: {kept} is kept, {ignored} ignored",
    "InputRejected": "an input of {player} for frame {frame} is refused: {reason}",
    "Mispredicted": "frame {frame} was simulated with {predicted} for {player}, who did {actual}",
    "RollbackBegun": "it rolls back to before frame {target}",
    "RollbackFinished": "the replay is complete",
    "FrameConfirmed": "frame {frame} is confirmed",
    "EndSuspected": "the end is in sight at frame {frame}",
    "EndWithdrawn": "the end that was in sight at frame {frame} is withdrawn",
    "EndDecided": "its own end is decided: {end}",
    "EndHeard": "{player} announces its end: {end}",
    "WaitSucceeded": "every frame below the termination frame is confirmed",
    "EpisodeCompleted": "the episode is complete",
    "EpisodeExported": "the records are exported",
    "EpisodeReset": "the next episode begins",
}


def sentence_of(kind: str, details: Mapping[str, Any]) -> str:
    """Return what an event tells, from the name of its class and its fields in plain values."""
    words = {name: shown(value) for name, value in details.items()}
    if kind == "FrameSimulated":
        again = "again" if details.get("replayed") else "for the first time"
        guess = ", partly on predictions" if details.get("was_speculative") else ""
        return f"frame {words.get('frame', '?')} is simulated {again}{guess}"
    if kind == "FramePromoted":
        forced = ", unconfirmed" if details.get("forced") else ""
        return f"the record of frame {words.get('frame', '?')} becomes canonical{forced}"
    if kind == "Sent":
        message = words.get("message", "?")
        return f"a message goes to {words.get('to', '?')} by {words.get('path', '?')}: {message}"
    try:
        return printable(_SAYS[kind].format_map(words))
    except KeyError:  # one that has no sentence of its own, or that somebody else made
        told = ", ".join(f"{printable(name.replace('_', ' '))} {value}" for name, value in words.items())
        name = "".join(f" {each.lower()}" if each.isupper() else each for each in printable(kind)).strip()
        return f"{name}: {told}" if told else name
