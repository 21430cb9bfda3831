"""Kept runs that take each path through the transitions, so that they need not be found again (`proofs.paths`).

A kept run is only a hint. It is run again on the code as it is, as moves that the environment really has, and what path
its last step takes is found out anew. `rollproof guards --keep` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path as File
from typing import Any

from attrs import evolve, frozen

from rollproof.model.bounded import bounded
from rollproof.model.search.arguments import arguments
from rollproof.model.search.explorer import Explorer, effected, named
from rollproof.model.search.instances import INSTANCES, Instance, LockstepTruth
from rollproof.model.theorems.property import StepView
from rollproof.model.theorems.truth import Truth
from rollproof.proofs.counterexamples import Counterexample, decoded, encoded
from rollproof.reference.messages import Path
from rollproof.reference.transition import Protocol

FILE = File(__file__).with_name("witnesses.json")
"""Where they are kept."""


@frozen
class Witness:
    """A run whose last step takes a path."""

    run: int
    """Which truth of the instance it belongs to."""
    way: Counterexample

    @property
    def transition(self) -> str:
        """Whose path it takes."""
        return self.way.steps[-1][0]


def _others() -> Iterator[Instance]:
    """Yield instances that take what no search for mistakes needs: other settings, and partners that lie about the end.

    Where the inputs of all frames are known before, by their delay, an episode of many frames has few states.
    """
    ending, core, beyond = (INSTANCES[name] for name in ("ending", "core", "beyond"))
    idle = ((((0, 0),) * 8,),)
    for steps in (1, 7):
        settings = {"max_steps": steps, "input_delay": 8, "max_frames_ahead": 9}
        yield evolve(
            core,
            name=f"ends apart, {steps}",
            transitions=_ALONE,
            frames=8,
            truths=idle,
            truthful=False,
            settings=settings,
        )
    known = evolve(core, truths=idle, paths=tuple(Path))
    yield evolve(known, name="many inputs", transitions=_SENDING, frames=4, settings={"input_delay": 1})
    once = {"input_delay": 2, "max_steps": 1}
    yield evolve(known, name="announcing", transitions=_ANNOUNCING, frames=1, settings=once)
    one = ((((0, 0),),),)
    yield evolve(known, name="end heard", transitions=_ANSWERING, frames=1, truths=one, settings=once)
    yield evolve(
        known, name="completed", transitions=(*_COMPLETING, *_ANSWERING[1:]), frames=1, truths=one, settings=once
    )
    hashing = evolve(core, frames=2, truths=((((0, 0),) * 2,),), transitions=(*_SIMPLE, *_TAKING, *_HASHING))
    yield evolve(hashing, name="false hashes", truthful=False)
    yield evolve(hashing, name="hash told", transitions=(*_SIMPLE, *_TAKING, "send_hash"), paths=tuple(Path))
    unlimited = {"default_action": 1}
    yield evolve(beyond, name="beyond, no limit of steps", settings=unlimited, transitions=_PLAYED)
    yield evolve(ending, name="no limit of steps", settings={}, transitions=_PLAYED)
    yield evolve(core, name="by relay", paths=(Path.RELAY,))
    yield evolve(ending, name="ending, false ends", truthful=False)
    for about, chosen in _WAITLESS.items():
        yield evolve(ending, name=about, settings={**ending.settings, **chosen})
        yield evolve(ending, name=f"{about}, false ends", settings={**ending.settings, **chosen}, truthful=False)
        yield evolve(beyond, name=f"{about}, beyond", settings={**beyond.settings, **chosen})
    yield evolve(core, name="core, counted", counts=True)


_TAKING = ("receive_input", "drain_input")
_SIMPLE = ("schedule_input", "simulate_frame", "confirm_frame", "promote_frame")
_ANNOUNCING = (*_SIMPLE, "suspect_end", "decide_end", "announce_end", "change_link", "lose_p2p")
_ANSWERING = ("receive_end", "send_ack", "change_link", "lose_p2p")
_COMPLETING = (*_SIMPLE, "suspect_end", "give_up_on_partners", "succeed_wait", "expire_wait", "complete_episode")
_HASHING = ("receive_hash", "compare_hash")
_ALONE = (*_SIMPLE, "suspect_end", "receive_end", "decide_end")
_PLAYED = (
    *("schedule_input", "receive_input", "drain_input", "simulate_frame", "begin_rollback", "replay_frame"),
    *("finish_rollback", "suspect_end", "withdraw_end"),
)
_SENDING = (
    "schedule_input",
    "simulate_frame",
    "send_inputs",
    "resend_inputs",
    "receive_ack",
    "change_link",
    "lose_p2p",
)
_WAITLESS: dict[str, dict[str, Any]] = {
    "served": {"server_authoritative": True},
    "nobody human": {"human_players": ()},
    "somebody human": {"human_players": ("a",)},
}

WITNESSING: dict[str, Instance] = {**{each.name: each for each in _others()}, **INSTANCES}
"""The instances that kept runs belong to, by name."""


TruthOf = Callable[[int], Truth]
"""What really happens, by episode."""


def truth_of(explorer: Explorer, run: int) -> TruthOf:
    """Return what really happens: what the instance says of its own episodes; in others nobody does anything."""
    known, instance = explorer.truths[run], explorer.instance
    config = instance.config(explorer.player)
    idle = ((config.default_action,) * len(config.players),) * 40
    return cache(
        lambda epoch: known[epoch] if 0 <= epoch < len(known) else _idle(instance, explorer.player, epoch, idle)
    )


def _idle(instance: Instance, player: str, epoch: int, actions: tuple[tuple[Any, ...], ...]) -> Truth:
    return LockstepTruth(instance.config(player), instance.world, epoch, actions)


def walked(protocol: Protocol, witness: Witness) -> Iterator[tuple[Explorer, StepView]]:
    """Yield the steps of a kept run, as far as they can still be taken."""
    instance = WITNESSING.get(witness.way.instance)
    if instance is None or witness.run >= len(instance.truths):
        return
    explorer = Explorer(protocol, instance)
    reading = explorer.readings[witness.run]
    peer = instance.start(explorer.player, protocol)
    for name, args in witness.way.steps:
        transition = protocol.transitions.get(name)
        try:
            if transition is None or args not in arguments(instance, transition, peer, reading):
                return
            if bounded(transition.refusal, peer, transition.arguments(*args)) is not None:
                return
            view = StepView(name, peer, named(transition, args), *effected(transition, peer, args))
        except Exception:  # what raises is another theorem's concern
            return
        yield explorer, view
        peer = view.after


def played(protocol: Protocol, witness: Witness) -> Iterator[tuple[TruthOf, StepView]]:
    """Yield the last step of a kept run, with what really happens; nothing if it cannot be taken any more."""
    steps = list(walked(protocol, witness))
    if len(steps) == len(witness.way.steps):
        explorer, last = steps[-1]
        yield truth_of(explorer, witness.run), last


def load(file: File = FILE) -> list[Witness]:
    """Return the kept runs; none if there is no file, or it is not one."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        return [Witness(int(each["run"]), decoded(each)) for each in document if each["steps"]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return []


def dumps(witnesses: Iterable[Witness]) -> str:
    """Return kept runs as JSON, one to a line."""
    return "[\n" + ",\n".join(json.dumps({"run": each.run, **encoded(each.way)}) for each in witnesses) + "\n]\n"
