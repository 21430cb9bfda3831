"""What the small parts of the reference must do, each compared with the plainest statement of it.

The proof takes these parts as given: it has symbolic containers of its own, and a hash and a world of which it knows
nothing. So they are tried here, on values that are the same every time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import attrs
from attrs import evolve, field, frozen

from rollproof.model.sessions.worlds import ArithmeticWorld
from rollproof.model.slips import raise_slip
from rollproof.reference.config import Config
from rollproof.reference.containers import JointAction, Sequence
from rollproof.reference.digest import Digest
from rollproof.reference.state import (
    Buffers,
    Delivery,
    Ending,
    Link,
    Metrics,
    Peer,
    Phase,
    Rollback,
    new_peer,
)
from rollproof.reference.values import same
from rollproof.reference.world import Outcome, Record, Simulation, Totals, advance

Problems = Iterator[str]
PLAYERS = ("a", "b", "c")


@frozen
class Law:
    """Something that a part of the reference must do whatever a session does."""

    name: str
    rules: tuple[str, ...]
    problems: Callable[[], Problems] = field(repr=False)

    @property
    def sentence(self) -> str:
        """What must be done, in English."""
        return " ".join((self.problems.__doc__ or "").split())

    def broken(self) -> str | None:
        """Return the first way in which it is broken, or None. What a part raises is one."""
        try:
            return next(self.problems(), None)
        except Exception as error:
            raise_slip(error)
            return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"


LAWS: dict[str, Law] = {}
"""By name."""


def law(*rules: str) -> Callable[[Callable[[], Problems]], Law]:
    """Declare a law: the function's name is its name, its docstring its sentence."""

    def declare(problems: Callable[[], Problems]) -> Law:
        declared = LAWS[problems.__name__] = Law(problems.__name__, rules, problems)
        return declared

    return declare


def differs(what: str, found: Any, expected: Any) -> Problems:
    """Yield what differs, if something does. What is equal but of another type does."""
    if type(found) is not type(expected) or found != expected:
        yield f"{what} is {found!r}, and must be {expected!r}"


# --- values -----------------------------------------------------------------------------------------------------------

ACTIONS: tuple[Any, ...] = (0, 1, -1, 2, 1.0, 1.5, 0.0, True, False, "", "1", "a", (), (1,), (1.0,), (True,), ((1,), 2))


@law("IN-13")
def identity_is_that_of_the_text() -> Problems:
    """Two actions are the same exactly if their JSON texts are: 1, 1.0 and true are three."""
    for one, other in product(ACTIONS, repeat=2):
        if bool(same(one, other)) != (json.dumps(one) == json.dumps(other)):
            yield f"{one!r} and {other!r} are {'' if same(one, other) else 'not '}taken for the same action"


@law("EP-1", "EP-3", "EP-9")
def phases_follow_each_other() -> Problems:
    """The phases are in the order running, syncing, waiting, completing, completed, exported."""
    names = ["running", "syncing", "waiting", "completing", "completed", "exported"]
    yield from differs("the list of phases", [each.value for each in Phase], names)
    for one, other in product(Phase, repeat=2):
        yield from differs(
            f"{one.value} < {other.value}", one < other, names.index(one.value) < names.index(other.value)
        )


# --- the world --------------------------------------------------------------------------------------------------------


@law("RB-4", "EP-1")
def a_simulation_counts_what_it_does() -> Problems:
    """Each frame is one step; rewards add up; it is over by the world or the limit, and then stays as it is."""
    world = ArithmeticWorld(end_when=9)
    for limit in (None, 1, 4, 50):
        simulation, state, returns = Simulation(world.start(1)), world.start(1), dict[str, float]()
        yield from differs(
            "the beginning", (simulation.steps, simulation.over, simulation.returns.rewards), (0, False, {})
        )
        for steps in range(1, 13):
            actions = JointAction(PLAYERS, (steps % 3, 0, 1))
            after, outcome = advance(world, simulation, actions, limit)
            if simulation.over:
                if outcome is not None or after != simulation:
                    yield "a simulation that is over goes on"
                break
            state, expected = world.step(state, actions)
            for player, reward in expected.rewards.items():
                returns[player] = returns.get(player, 0) + reward
            over = expected.over or steps == limit
            found = (after.state, after.steps, after.over, dict(after.returns.rewards), outcome)
            yield from differs(f"step {steps}", found, (state, steps, over, returns, expected))
            simulation = after


@law("RB-4")
def rewards_add_up() -> Problems:
    """Who gets a reward has it added to what there was; who gets none keeps it."""
    totals = Totals().plus(Outcome(rewards={"a": 2})).plus(Outcome()).plus(Outcome(rewards={"b": 1, "a": 0.5}))
    yield from differs("the sum", dict(totals.rewards), {"a": 2.5, "b": 1})
    yield from differs("the cleared sum", dict(totals.cleared().rewards), {})


# --- the hash ---------------------------------------------------------------------------------------------------------

_OUTCOME = Outcome({"a": 1, "b": 0.5}, {"a": False}, {"b": True}, {"a": {"x": 1, "y": 2}}, over=False)
_RECORD = Record(JointAction(("a", "b"), (1, 2)), _OUTCOME, Totals({"a": 1}), 3, False, False, 5, True)


@law("ME-4")
def the_hash_is_not_blind() -> Problems:
    """The hash differs if what was done or what it yielded differs, and for nothing that is local to a peer."""
    base = Digest().extend(_RECORD)
    if len(base.value) != 32 or set(base.value) - set("0123456789abcdef") or Digest().value:
        yield f"the hash is {base.value!r}, and not 32 hexadecimal digits"
    local: dict[str, Any] = {"was_speculative": True, "time_ms": 6, "focused": False}
    for name, value in local.items():
        if Digest().extend(evolve(_RECORD, **{name: value})) != base:
            yield f"the hash depends on {name}, which is local to a peer"
    order = Outcome({"b": 0.5, "a": 1}, {"a": False}, {"b": True}, {"a": {"y": 2, "x": 1}}, over=False)
    if Digest().extend(evolve(_RECORD, outcome=order)) != base:
        yield "the hash depends on the order in which the world lists players"
    yields: dict[str, Any] = {
        "rewards": {"a": 2, "b": 0.5},
        "terminated": {"a": True},
        "truncated": {"b": False},
        "infos": {"a": {"x": 1, "y": 3}},
    }
    changed = {
        "an action": evolve(_RECORD, actions=JointAction(("a", "b"), (1, 3))),
        "the type of an action": evolve(_RECORD, actions=JointAction(("a", "b"), (1, 2.0))),
        "the number of steps": evolve(_RECORD, steps=4),
        "a great number of steps": evolve(_RECORD, steps=3 + 2**16),
        "a great action": evolve(_RECORD, actions=JointAction(("a", "b"), (1, 2 + 2**32))),
        "the end": evolve(_RECORD, over=True),
        "the lack of an outcome": evolve(_RECORD, outcome=None),
        **{name: evolve(_RECORD, outcome=evolve(_OUTCOME, **{name: each})) for name, each in yields.items()},
    }
    for name, record in changed.items():
        if Digest().extend(record) == base:
            yield f"the hash does not depend on {name}"
    if base.extend(_RECORD) in (base, Digest().extend(evolve(_RECORD, steps=4))) or base.cleared() != Digest():
        yield "the hash does not depend on the records before"


# --- where a session begins -------------------------------------------------------------------------------------------


@law("EP-11", "IN-5", "TR-1")
def a_session_begins_with_nothing() -> Problems:
    """A new peer is connected to every partner and has no metrics, and its first episode begins as any other."""
    for delay in (0, 3):
        peer = new_peer(Config("b", PLAYERS, input_delay=delay), ArithmeticWorld())
        yield from first_state(peer, 0)
        yield from differs("the metrics", attrs.asdict(peer.metrics, recurse=False), _NO_METRICS)
        for partner in ("a", "c"):
            yield from differs(f"the link to {partner}", peer.links.get(partner), Link(True, True, None))
        yield from differs("the link to itself", peer.links.get("b"), None)


@law("EP-11")
def parts_are_empty_unless_said_otherwise() -> Problems:
    """A part of a state of which nothing is said is as it is before frame 0."""
    expected: dict[str, tuple[Any, dict[str, Any]]] = {
        "buffers": (Buffers(), {"promoted": 0, "digest": Digest("")}),
        "rollback": (Rollback(), {"pending": None, "cursor": None}),
        "delivery": (Delivery(-1), {"acknowledged": -1, "end_known": False, "inputs_due": 0, "end_due": 0}),
        "link": (Link(), {"connected": True, "has_sender": True, "fallback_frame": None}),
        "ending": (
            Ending(),
            {
                "phase": Phase.RUNNING,
                "own": None,
                "own_digest": None,
                "termination": None,
                "deadline": None,
                "alone": False,
                "timed_out": False,
            },
        ),
        "metrics": (Metrics(), _NO_METRICS),
        "outcome": (Outcome(), {"rewards": {}, "over": False}),
        "simulation": (Simulation(0), {"returns": Totals({}), "steps": 0, "over": False}),
    }
    for what, (part, fields) in expected.items():
        for name, value in fields.items():
            yield from differs(f"{name} of an empty {what}", getattr(part, name), value)
    told = Outcome({"a": 1}, {"a": False}, {"a": False}, {"a": {}})
    yield from differs("the hash of an outcome", hash(told), hash(evolve(told, rewards={"a": 2})))
    defaults = {each.name: each.default for each in attrs.fields(Peer)}
    found = [defaults[name] for name in ("epoch", "frame", "ticks", "confirmed")]
    yield from differs("the counters of an empty peer", found, [0, 0, 0, -1])


_NO_METRICS: dict[str, Any] = {
    each.name: Sequence() if each.name in ("mispredictions", "rollbacks") else 0 for each in attrs.fields(Metrics)
}


def first_state(peer: Peer, epoch: int) -> Problems:
    """Say in what a peer is not as it must be before frame 0 of an episode (EP-11)."""
    delay, config = peer.config.input_delay, peer.config
    ending, buffers, rollback, desync = peer.ending, peer.buffers, peer.rollback, peer.desync
    simulation, inputs = peer.simulation, peer.inputs
    expected: dict[str, tuple[Any, Any]] = {
        "the epoch": (peer.epoch, epoch),
        "the frame": (peer.frame, 0),
        "the number of ticks": (peer.ticks, 0),
        "the confirmed frame": (peer.confirmed, -1),
        "the number of snapshots": (len(peer.snapshots), 0),
        "the queues": ((len(inputs.p2p), len(inputs.relay)), (0, 0)),
        "the rollback": ((rollback.pending, rollback.cursor), (None, None)),
        "the buffers": ((len(buffers.speculative), len(buffers.canonical), buffers.promoted), (0, 0, 0)),
        "the running hash": (buffers.digest.value, ""),
        "the phase": (ending.phase, Phase.RUNNING),
        "what is known of the end": ((ending.own, ending.own_digest, ending.termination), (None, None, None)),
        "the deadline": (ending.deadline, None),
        "how it ended": ((ending.alone, ending.timed_out), (False, False)),
        "the announced ends": ([ending.announced.get(each) for each in config.players], [None] * len(config.players)),
        "the first mismatch": (desync.first_mismatch, None),
        "the simulation": (
            (simulation.state, dict(simulation.returns.rewards), simulation.steps, simulation.over),
            (peer.world.start(epoch), {}, 0, False),
        ),
    }
    for what, (found, wanted) in expected.items():
        yield from differs(what, found, wanted)
    for player in config.players:
        yield from differs(f"how far {player}'s inputs are known", inputs.known.contiguous(player), delay - 1)
        for frame in range(-1, delay + 3):
            known = config.default_action if 0 <= frame < delay else None
            yield from differs(f"{player}'s input of frame {frame}", inputs.known.get(player, frame), known)
            yield from differs(f"the hash heard from {player}", desync.heard.get(player, frame), None)
    for partner in config.partners:
        delivery = peer.deliveries.get(partner)
        found = None if delivery is None else (delivery.acknowledged, delivery.end_known)
        yield from differs(f"what {partner} has acknowledged", found, (delay - 1, False))
        timers = None if delivery is None else (delivery.inputs_due, delivery.end_due)
        yield from differs(f"the timers towards {partner}", timers, (0, 0))


# --- settings ---------------------------------------------------------------------------------------------------------


@law("EP-3", "EP-4")
def the_wait_is_configured_as_the_rule_says() -> Problems:
    """The wait lasts as long as configured, 500 ms unless said otherwise; a server or no human player disables it."""
    usual = Config("a", PLAYERS)
    yield from differs("the timeout", (usual.input_confirmation_timeout_ms, usual.episode_sync_timeout_ms), (500, 2000))
    cases: tuple[tuple[dict[str, Any], int], ...] = (
        ({}, 500),
        ({"input_confirmation_timeout_ms": 0}, 0),
        ({"input_confirmation_timeout_ms": 7}, 7),
        ({"server_authoritative": True}, 0),
        ({"human_players": ()}, 0),
        ({"human_players": ("a",)}, 500),
    )
    for settings, expected in cases:
        found = Config("a", PLAYERS, **settings).confirmation_timeout_ms
        yield from differs(f"the wait with {settings}", found, expected)
    yield from differs("the partners", Config("b", PLAYERS).partners, ("a", "c"))
    values: tuple[Any, ...] = (-1, True, 1.5, "500", None)
    for value in values:
        try:
            Config("a", PLAYERS, input_confirmation_timeout_ms=value)
        except ValueError as error:
            if "input_confirmation_timeout_ms" not in str(error):
                yield f"the error about a timeout of {value!r} does not name it"
        else:
            yield f"a timeout of {value!r} is accepted"
