"""Construct by construct: what Python allows in a guard or an effect means for stand-ins what it means for values.

Or it is refused, by reading it before or when it is asked, naming file and line. Each function below is a construct,
run on an arbitrary peer and on real ones; the formulas that it yields are evaluated in each of these.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from types import SimpleNamespace
from typing import Any

import pytest

from rollproof.model.search.explorer import Explorer
from rollproof.model.search.instances import INSTANCES
from rollproof.model.symbolic.interpretation import Interpretation
from rollproof.model.symbolic.paths import RefusedError, explore
from rollproof.model.symbolic.reading import problems
from rollproof.model.symbolic.shapes import make
from rollproof.model.symbolic.state import any_peer
from rollproof.reference.containers import FrameMap
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Peer, Phase, Rollback

Construct = Callable[[Any, Any], Any]
NUMBERS = (-3, -1, 0, 1, 2, 7)


def walrus(p: Any, a: Any) -> Any:
    return n + 1 if (n := a.n * 2) > 2 else n


def nested(p: Any, a: Any) -> Any:
    def more(by: int = 2) -> Any:
        return a.n + by

    return more() + more(by=1)


def starred(p: Any, a: Any) -> Any:
    def three(x: Any, y: Any, z: Any) -> Any:
        return x - y + z

    return three(*(a.n, p.frame), **{"z": 4})


def loop(p: Any, a: Any) -> Any:
    total = a.n
    for each in (1, 2, p.frame):
        if each == a.n:
            continue
        total += each
    return total


def while_true(p: Any, a: Any) -> Any:
    left = 3
    while left > 0:
        left -= 1
    return a.n + left


def caught(p: Any, a: Any) -> Any:
    try:
        return p.snapshots[a.n].steps
    except KeyError:
        return -1


def with_block(p: Any, a: Any) -> Any:
    with nullcontext():
        return a.n


def matched(p: Any, a: Any) -> Any:
    match p.ending.phase:
        case Phase.RUNNING:
            return 1
    return 2


def matched_number(p: Any, a: Any) -> Any:
    match a.n:
        case 0:
            return 1
    return 2


def deleted(p: Any, a: Any) -> Any:
    n = [a.n, 1]
    del n[0]
    return n[0]


def asserted(p: Any, a: Any) -> Any:
    assert a.n > 0
    return 1


def unpacked(p: Any, a: Any) -> Any:
    x, *rest = (a.n, p.frame, 3)
    return x + rest[0] + rest[1]


def raised(p: Any, a: Any) -> Any:
    if a.n < 0:
        raise ValueError("negative")
    return a.n


def imported(p: Any, a: Any) -> Any:
    import math

    return math.floor(a.n)


def generated(p: Any, a: Any) -> Any:
    def each() -> Any:
        yield a.n

    return sum(each())


def default_list(p: Any, a: Any) -> Any:
    def kept(seen: Any = []) -> Any:  # noqa: B006
        return len(seen)

    return kept()


MEANS: dict[str, Construct] = {
    "chained comparison": lambda p, a: -1 < a.n <= p.frame,
    "and": lambda p, a: a.n > 0 and p.frame > 0,
    "or": lambda p, a: a.n > 0 or p.frame > 0,
    "and of integers": lambda p, a: bool(a.n and p.frame),
    "or of integers": lambda p, a: a.n or 5,
    "not": lambda p, a: not a.n > 0,
    "not of an integer": lambda p, a: not a.n,
    "bool of an integer": lambda p, a: bool(a.n),
    "is None of an optional": lambda p, a: p.rollback.pending is None,
    "is not None of an optional": lambda p, a: p.rollback.pending is not None,
    "truth of an optional integer": lambda p, a: bool(p.rollback.pending),
    "not of an optional integer": lambda p, a: not p.rollback.pending,
    "or of an optional integer": lambda p, a: p.rollback.pending or 9,
    "equality with None": lambda p, a: p.rollback.pending == None,  # noqa: E711
    "inequality with None": lambda p, a: p.rollback.pending != None,  # noqa: E711
    "equality of a phase": lambda p, a: p.ending.phase == Phase.WAITING,
    "inequality of a phase": lambda p, a: p.ending.phase != Phase.RUNNING,
    "order of phases": lambda p, a: Phase.RUNNING < p.ending.phase < Phase.COMPLETING,
    "a phase in a tuple": lambda p, a: p.ending.phase in (Phase.SYNCING, Phase.WAITING),
    "a phase not in a tuple": lambda p, a: p.ending.phase not in (Phase.SYNCING, Phase.WAITING),
    "an integer in a tuple": lambda p, a: a.n in (0, 2, p.frame),
    "an integer in a list": lambda p, a: a.n in [1, 7],
    "a player in the players": lambda p, a: p.config.player in p.config.players,
    "conditional expression": lambda p, a: a.n if p.frame > 0 else -a.n,
    "arithmetic": lambda p, a: 2 * a.n - p.frame + 1 - (3 - a.n),
    "negation": lambda p, a: -a.n + +p.frame,
    "floor division": lambda p, a: a.n // 3,
    "remainder": lambda p, a: a.n % 3,
    "divmod": lambda p, a: divmod(a.n, 2)[0] + 5 * divmod(a.n, 2)[1],
    "abs": lambda p, a: abs(a.n),
    "min": lambda p, a: min(a.n, p.frame),
    "max": lambda p, a: max(a.n, p.frame, 1),
    "min with a key": lambda p, a: min((a.n, p.frame), key=lambda each: -each),
    "max with a default": lambda p, a: max((each for each in (a.n,) if each > 0), default=4),
    "sum": lambda p, a: sum((a.n, p.frame, True)),
    "sorted": lambda p, a: sorted((a.n, p.frame, 1))[1],
    "any": lambda p, a: any(each > 1 for each in (a.n, p.frame)),
    "all": lambda p, a: all(each > 1 for each in (a.n, p.frame)),
    "comprehension": lambda p, a: [each + 1 for each in (a.n, p.frame) if each > 0] == [],
    "length of a tuple": lambda p, a: len((a.n, p.frame)),
    "slice of a tuple": lambda p, a: (a.n, p.frame, 3)[1:][0],
    "index by a constant": lambda p, a: (a.n, p.frame)[-1],
    "lambda": lambda p, a: (lambda n, by=2: n * by)(a.n),
    "zip": lambda p, a: sum(x * y for x, y in zip((1, 2), (a.n, p.frame), strict=True)),
    "enumerate": lambda p, a: sum(n * each for n, each in enumerate((a.n, p.frame))),
    "reversed": lambda p, a: sum(n * each for n, each in enumerate(reversed((a.n, p.frame)))),
    "equality of truth values": lambda p, a: (a.n > 0) == (p.frame > 0),
    "a value that may be missing": lambda p, a: p.snapshots.get(a.n) is None,
    "a value that must be there": lambda p, a: p.snapshots[a.n].steps,
    "a part compared with one": lambda p, a: p.rollback == Rollback(),
    "a part that differs from one": lambda p, a: p.rollback != Rollback(),
    "truth of a sequence": lambda p, a: bool(p.inputs.p2p),
    "walrus": walrus,
    "nested def with a default": nested,
    "starred arguments": starred,
    "for": loop,
    "while": while_true,
    "unpacking": unpacked,
    "raise": raised,
}
REFUSED: dict[str, Construct] = {
    "is of a phase": lambda p, a: p.ending.phase is Phase.WAITING,
    "is True": lambda p, a: (a.n > 0) is True,
    "is of two stand-ins": lambda p, a: p.inputs is p.inputs,
    "len of a container": lambda p, a: len(p.snapshots),
    "len of a sequence": lambda p, a: len(p.inputs.p2p),
    "truth of a map": lambda p, a: bool(p.snapshots),
    "a frame in a map": lambda p, a: a.n in p.snapshots,
    "iteration over a map": lambda p, a: sum(each for each in p.snapshots),
    "iteration over the players": lambda p, a: sum(1 for _ in p.config.players),
    "the first player": lambda p, a: p.config.players[0] == p.config.player,
    "slice by an integer": lambda p, a: (1, 2, 3)[: a.n],
    "index by an integer": lambda p, a: (1, 2, 3)[a.n],
    "range of an integer": lambda p, a: sum(range(a.n)),
    "hash": lambda p, a: hash(a.n),
    "id": lambda p, a: id(p) == id(p),
    "set membership": lambda p, a: a.n in {1, 2},
    "membership of a set": lambda p, a: 1 in {a.n, 2},
    "dict membership": lambda p, a: a.n in {1: 2},
    "dict look-up": lambda p, a: {1: 2}.get(a.n, 0),
    "dict of an integer": lambda p, a: {a.n: 1}[a.n],
    "f-string": lambda p, a: f"{a.n}" == "1",
    "str": lambda p, a: str(a.n) == "1",
    "repr": lambda p, a: repr(a.n) == "1",
    "format": lambda p, a: format(a.n, "d") == "1",
    "int": lambda p, a: int(a.n),
    "float": lambda p, a: float(a.n),
    "round": lambda p, a: round(a.n),
    "power": lambda p, a: a.n**2,
    "product of two": lambda p, a: a.n * p.frame,
    "true division": lambda p, a: a.n / 2,
    "division by a negative number": lambda p, a: a.n // -2,
    "remainder by an unknown": lambda p, a: a.n % p.config.redundancy,
    "sum of truth values": lambda p, a: sum(each > 0 for each in (a.n, p.frame)),
    "truth values added": lambda p, a: (a.n > 0) + (p.frame > 0),
    "bit operation": lambda p, a: a.n & 1,
    "shift": lambda p, a: 1 << a.n,
    "truth of an action": lambda p, a: bool(p.config.default_action),
    "order of actions": lambda p, a: p.config.default_action < 3,
    "equality of an action with a number": lambda p, a: p.config.default_action == 0,
    "truth of a text": lambda p, a: bool(p.config.game),
    "equality of texts": lambda p, a: p.config.game == "game",
    "a phase compared with a number": lambda p, a: p.ending.phase == 0,
    "a number compared with a part": lambda p, a: p.rollback == a.n,
    "a phase in a set": lambda p, a: p.ending.phase in {Phase.WAITING},
    "type": lambda p, a: type(a.n) == int,  # noqa: E721
    "isinstance of a number": lambda p, a: isinstance(a.n, int),
    "isinstance of a container": lambda p, a: isinstance(p.snapshots, FrameMap),
    "getattr": lambda p, a: getattr(p, "frame"),  # noqa: B009
    "getattr with a default": lambda p, a: getattr(p, "fram", 3),
    "hasattr": lambda p, a: hasattr(p, "frame"),
    "an attribute that is not there": lambda p, a: a.n.real,
    "__class__": lambda p, a: p.__class__ is Peer,
    "vars": lambda p, a: len(vars(p)),
    "callable": lambda p, a: callable(a.n),
    "map whose values are compared": lambda p, a: p.snapshots == p.snapshots.set(a.n, p.simulation),
    "eval": lambda p, a: eval("a.n", {"a": a}),
    "try": caught,
    "with": with_block,
    "match of a phase": matched,
    "match of a number": matched_number,
    "del": deleted,
    "import": imported,
    "generator": generated,
    "a default that may change": default_list,
}


@cache
def peers() -> tuple[Peer, ...]:
    found = []
    for name in ("core", "ending"):
        states = [
            each.after.peer for each in Explorer(PROTOCOL, INSTANCES[name]).explore(400) if each.after is not None
        ]
        found += states[::60]
    return tuple(found)


def concrete(construct: Construct, peer: Peer, n: int) -> Any:
    try:
        return construct(peer, SimpleNamespace(n=n))
    except Exception as error:
        return type(error)


def is_refused(construct: Construct) -> bool:
    """Tell whether a construct is refused; by what is read of it with file and line."""
    read = problems(construct)
    assert all("test_constructs.py:" in each for each in read)
    ways = explore(lambda: construct(any_peer(), SimpleNamespace(n=make("int", "arg.n"))))
    return bool(read) or any(isinstance(each.error, RefusedError) for each in ways)


@pytest.mark.parametrize("name", MEANS)
def test_a_construct_means_the_same(name: str) -> None:
    construct = MEANS[name]
    assert problems(construct) == ()
    ways = explore(lambda: construct(any_peer(), SimpleNamespace(n=make("int", "arg.n"))))
    for peer in peers():
        for n in NUMBERS:
            it = Interpretation(peer.config.players, {"peer": peer, "arg": {"n": n}}, world=peer.world)
            taken = [each for each in ways if it.holds((*each.conditions, *each.facts))]
            assert len(taken) == 1, f"{name} of {n}: {len(taken)} ways are open"
            way = taken[0]
            meant = type(way.error) if way.error else it.meaning(way.result)
            assert meant == concrete(construct, peer, n), f"{name} of {n}"


@pytest.mark.parametrize("name", REFUSED)
def test_a_construct_is_refused(name: str) -> None:
    assert is_refused(REFUSED[name]), f"{name} is neither refused nor shown to mean the same"


def test_a_refusal_is_not_forgotten_by_whoever_catches_it() -> None:
    def catching(n: Any) -> int:
        try:
            return int(n)
        except Exception:
            return 1

    (way,) = explore(lambda: catching(make("int", "arg.n")))
    assert isinstance(way.error, RefusedError)
