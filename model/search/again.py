"""Taking the steps of a saved run again, under another protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollproof.model.bounded import bounded
from rollproof.model.documents import DocumentError
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer
from rollproof.model.search.instances import INSTANCES
from rollproof.model.traces.describe import plain
from rollproof.model.traces.trace import Story, Trace, TraceStep
from rollproof.reference.state import Peer
from rollproof.reference.transition import Guard, Protocol, Transition


def taken_again(story: Story, protocol: Protocol) -> tuple[Trace, str]:
    """Return the run that a protocol makes of a saved one, from the same start, and why it ends before, if it does.

    Raises:
        DocumentError: if the saved run does not begin in an instance of one peer.
    """
    instance = INSTANCES.get(story.instance)
    if instance is None or story.others or story.player not in instance.players:
        raise DocumentError(f"a run of {story.instance!r} cannot be taken again: it is in no instance of one peer")
    explorer = Explorer(protocol, instance, story.player)
    start = peer = instance.start(story.player, protocol)
    steps: list[TraceStep] = []
    for number, told in enumerate(story.steps, 1):
        transition = protocol.transitions.get(told.transition)
        if transition is None:
            return _trace(explorer, start, steps), f"step {number}: there is no transition {told.transition!r}"
        args = _arguments(explorer, transition, peer, told.args)
        if args is None:
            return _trace(explorer, start, steps), f"step {number}: {told.transition} cannot have these arguments"
        try:
            fired = bounded(transition.fire, peer, transition.arguments(*args))
        except Exception as error:
            return _trace(explorer, start, steps), f"step {number}: {told.transition} raises {type(error).__name__}"
        if isinstance(fired, Guard):
            return _trace(explorer, start, steps), f"step {number}: {told.transition} is refused by {fired.name}"
        named = tuple(zip(transition.parameters, args, strict=True))
        sentence = " ".join(transition.sentence.split())
        steps.append(TraceStep(transition.name, sentence, named, fired[1], peer, fired[0], story.player))
        peer = fired[0]
    return _trace(explorer, start, steps), ""


def _trace(explorer: Explorer, start: Peer, steps: list[TraceStep]) -> Trace:
    return Trace(explorer.protocol.name, explorer.instance.name, explorer.player, start, tuple(steps))


def _arguments(
    explorer: Explorer, transition: Transition[Any], peer: Peer, told: Mapping[str, Any]
) -> tuple[Any, ...] | None:
    """Return the arguments that the environment may pass, and that are told so; None if there are none."""
    for reading in explorer.readings:
        for args in arguments(explorer.instance, transition, peer, reading):
            if dict(zip(transition.parameters, map(plain, args), strict=True)) == dict(told):
                return args
    return None
