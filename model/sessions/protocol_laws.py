"""The laws of a protocol as a value, and of its drivers where no session comes: what is made of transitions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from attrs import evolve, frozen

from rollproof.model.sessions.container_laws import LAWS
from rollproof.model.sessions.laws import PLAYERS, Problems, differs, law
from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.reference.config import Config
from rollproof.reference.events import PromotionRefused
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Extra, Peer, begin_episode, new_peer
from rollproof.reference.tick import Run, promote
from rollproof.reference.transition import Guard, Protocol, Transition

__all__ = ["LAWS"]  # those of the other small parts included

# --- transitions ------------------------------------------------------------------------------------------------------


@law("LI-3", "RB-7")
def a_step_is_guards_then_effect() -> Problems:
    """A transition is refused by its first guard that does not hold; if all hold, its effect is what happens."""
    peer = new_peer(Config("b", PLAYERS), ArithmeticWorld())
    holding = (True, False)
    for takes in (None, _Told):
        args = None if takes is None else _Told(7)
        for of_peer, first, second in product(holding, holding, holding):
            guards: tuple[Guard[Any], ...] = tuple(
                Guard(name, (), _saying(holds, of_peer), of_peer)
                for name, holds in (("first", first), ("second", second))
            )
            made = Transition("made", (), takes, guards, _done)
            expected = next((each for each, holds in zip(guards, (first, second), strict=True) if not holds), None)
            which = f"a transition whose guards hold: {first}, {second}"
            yield from differs(f"what refuses {which}", made.refusal(peer, args), expected)
            yield from differs(f"what comes of {which}", made.fire(peer, args), expected or (peer, ((args,),)))
            yield from differs(f"the effect of {which}", made.perform(peer, args), (peer, ((args,),)))


@frozen
class _Told:
    """What a transition may be told."""

    number: int


def _saying(holds: bool, of_peer: bool) -> Callable[..., bool]:
    return (lambda peer: holds and peer.config.player == "b") if of_peer else (lambda _, args: holds and args == args)


def _done(peer: Peer, *args: Any) -> Any:
    return peer, (args or (None,),)


@frozen
class _Kept(Extra):
    """What a protocol might keep: something of an episode, and something of a session."""

    episode: int = 0
    session: int = 0

    def cleared(self) -> _Kept:
        """Return it without what is of an episode."""
        return evolve(self, episode=0)


@law("LI-3", "EP-11")
def a_changed_protocol_is_the_same_in_all_else() -> Problems:
    """A protocol that is changed in one thing is the same in all others."""
    order = ("drain",)
    for what, changed in {
        "nothing": PROTOCOL.replace("other"),
        "tick": PROTOCOL.replace("other", tick=order),
        "poll": PROTOCOL.replace("other", poll=order),
    }.items():
        expected = {"tick": PROTOCOL.tick, "poll": PROTOCOL.poll, what: order}
        for stages in ("tick", "poll"):
            yield from differs(f"{stages} of a protocol changed in {what}", getattr(changed, stages), expected[stages])
        yield from differs("its transitions", changed.transitions, PROTOCOL.transitions)
        yield from differs("its name", changed.name, "other")
    kept = _Kept(3, 5)
    keeping = PROTOCOL.keeping(kept)
    added = evolve(PROTOCOL.transitions["reject_input"], name="reject_again")
    extended = keeping.extend("other", added)
    told = extended.name, list(extended.transitions)
    yield from differs("an extended protocol", told, ("other", [*PROTOCOL.transitions, "reject_again"]))
    for changed in (keeping, keeping.replace("other"), extended, keeping.without("drain_input", "input_is_due")):
        yield from differs("what a protocol keeps beside", changed.extra, kept)
    begun = new_peer(Config("b", PLAYERS), ArithmeticWorld(), keeping.extra)
    yield from differs("what is kept beside before frame 0", begun.extra, _Kept(0, 5))
    yield from differs("what is kept beside after a reset", begin_episode(begun, 1).extra, _Kept(0, 5))
    for name, transition in PROTOCOL.transitions.items():
        for at, guard in enumerate(transition.guards):
            less = PROTOCOL.without(name, guard.name)
            rest = (*transition.guards[:at], *transition.guards[at + 1 :])
            yield from differs(f"the guards of {name} without one", less.transitions[name].guards, rest)
            others = [each for each in PROTOCOL.transitions if less.transitions[each] != PROTOCOL.transitions[each]]
            yield from differs("what is changed with it", others, [name])
        yield from differs(f"{name} without guards", transition.guarded_by().guards, ())


@law("LI-3")
def a_changed_protocol_has_the_change() -> Problems:
    """A protocol has the transitions with which it was changed, and is not changed in what it does not have."""
    changed = [evolve(each, rules=("X-1",)) for each in list(PROTOCOL.transitions.values())[:3]]
    expected = {**PROTOCOL.transitions, **{each.name: each for each in changed}}
    yield from differs(
        "the transitions of a changed protocol", PROTOCOL.replace("other", *changed).transitions, expected
    )
    added = [evolve(each, name=f"{each.name}_again") for each in changed]
    expected = {**PROTOCOL.transitions, **{each.name: each for each in added}}
    yield from differs("those of an extended one", PROTOCOL.extend("other", *added).transitions, expected)
    unheard = evolve(changed[0], name="unheard_of")
    wrong: dict[str, Callable[[], Protocol]] = {
        "replaced": lambda: PROTOCOL.replace("other", changed[0], unheard),
        "added": lambda: PROTOCOL.extend("other", unheard, changed[0]),
        "added first": lambda: PROTOCOL.extend("other", changed[0], unheard),
        "replaced first": lambda: PROTOCOL.replace("other", unheard, changed[0]),
        "without a guard": lambda: PROTOCOL.without("unheard_of", "input_is_due"),
        "without a guard of another": lambda: PROTOCOL.without("begin_tick", "input_is_due"),
    }
    for what, make in wrong.items():
        try:
            made = make()
        except KeyError:
            continue
        yield f"a transition may be {what} where none may be: {made.name}"


# --- drivers ----------------------------------------------------------------------------------------------------------


@law("BUF-3", "RB-2")
def what_refuses_a_promotion_is_told() -> Problems:
    """A driver that would promote tells what of a rollback refuses it, and nothing if it is something else."""
    peer = new_peer(Config("b", PLAYERS), ArithmeticWorld())
    for pending, cursor, guard in (
        (None, None, ""),
        (3, None, "no_rollback_pending"),
        (None, 2, "no_rollback_in_progress"),
    ):
        rollback = evolve(peer.rollback, pending=pending, cursor=cursor)
        run = Run(PROTOCOL, evolve(peer, rollback=rollback, confirmed=0 if guard else -1), 0)
        promote(run)
        yield from differs("what is told", run.events, [PromotionRefused(0, guard)] if guard else [])
