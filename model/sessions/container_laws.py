"""The laws of containers: each is compared with a plain dictionary or list that goes through the same."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from random import Random

from rollproof.model.sessions.laws import LAWS, PLAYERS, Problems, differs, law
from rollproof.reference.containers import FrameMap, InputTable, JointAction, PlayerMap, Sequence, Table

__all__ = ["LAWS"]  # those of all small parts

ROUNDS = 300
"""How many operations a container goes through."""
LONG = 1_202
"""How many frames there are in a long one."""


@law("BUF-7", "RB-4")
def frame_maps_are_maps() -> Problems:
    """A map of frames holds what was set and neither removed nor cut off."""
    random, found, plain = Random("frames"), FrameMap[int](), dict[int, int]()
    for number in range(ROUNDS):
        frame = random.randrange(8)
        match random.randrange(6):
            case 0:
                found, plain = found.remove(frame), {at: each for at, each in plain.items() if at != frame}
            case 1 if number % 3 == 0:
                found, plain = found.before(frame), {at: each for at, each in plain.items() if at < frame}
            case _:
                found, plain = found.set(frame, number), {**plain, frame: number}
        yield from differs(
            "the map", {at: found.get(at) for at in range(-1, 9)}, {at: plain.get(at) for at in range(-1, 9)}
        )
        yield from differs("its frames", (sorted(found), len(found)), (sorted(plain), len(plain)))
        for at, each in plain.items():
            yield from differs(f"frame {at}", found[at], each)
    yield from differs("the cleared map", (len(found.cleared()), found.cleared().get(0)), (0, None))
    for at in range(6):
        found = found.set(at, at)
    for at in reversed(range(6)):
        found = found.before(at)
        yield from differs("what is left of a map that is cut frame by frame", sorted(found), list(range(at)))


@law("EP-2", "IN-9")
def player_maps_are_maps() -> Problems:
    """A map of players holds what was set; filling it changes every value, and it covers those who have one."""
    one = PlayerMap[int]().set("a", 1).set("b", 2).set("a", 3)
    yield from differs("the map", [one.get(each) for each in PLAYERS], [3, 2, None])
    yield from differs("its values", (one["a"], one["b"]), (3, 2))
    yield from differs(
        "what it covers", [one.covers(each) for each in (("a",), ("a", "b"), PLAYERS, ())], [True, True, False, True]
    )
    yield from differs("the filled map", [one.filled(5).get(each) for each in PLAYERS], [5, 5, None])
    yield from differs("the cleared map", [one.cleared().get(each) for each in PLAYERS], [None, None, None])


@law("IN-1", "IN-2")
def queues_keep_their_order() -> Problems:
    """What goes in first comes out first, nothing is lost, and an empty queue has no first item."""
    random, found, plain = Random("queue"), Sequence[int](), list[int]()
    for number in range(ROUNDS):
        if plain and random.random() < 0.45:
            found, plain = found.rest(), plain[1:]
        else:
            found, plain = found.push(number), [*plain, number]
        yield from differs(
            "the queue", (list(found), len(found), found.first()), (plain, len(plain), plain[0] if plain else None)
        )
    one, other = Sequence[int]().push(1).push(2), Sequence[int]().push(0).push(1).push(2).rest()
    equal = (one == other, one == one.push(3), one == one.rest(), one.rest() == one, one == [1, 2])
    yield from differs("whether queues are equal", equal, (True, False, False, False, False))
    yield from differs("whether hashes of equal queues are", hash(one) == hash(other), True)
    yield from differs("the cleared queue", (len(found.cleared()), found.cleared().first()), (0, None))


@law("ME-4")
def tables_are_maps() -> Problems:
    """A table holds what was set for each player and frame, and neither removed nor cleared."""
    random, found, plain = Random("table"), Table[int](PLAYERS), dict[tuple[str, int], int]()
    for number in range(ROUNDS):
        player, frame = random.choice(PLAYERS), random.randrange(5)
        if random.random() < 0.3:
            found = found.remove(player, frame)
            plain.pop((player, frame), None)
        else:
            found = found.set(player, frame, number)
            plain[player, frame] = number
        for key in product(PLAYERS, range(-1, 6)):
            yield from differs(f"entry {key}", found.get(*key), plain.get(key))
    yield from differs("the cleared table", found.cleared().get("a", 0), None)
    for key in plain:
        found = found.remove(*key)
    yield from differs("a table from which all was removed", found, Table[int](PLAYERS))


@law("IN-2", "IN-3", "BUF-7", "RB-4")
def long_is_as_short() -> Problems:
    """Of more than a thousand frames maps, queues, tables and inputs hold what they hold of few."""
    frames, queue, table = FrameMap[int](), Sequence[int](), Table[int](PLAYERS)
    inputs = InputTable(Table(PLAYERS), 2, 7, "previous")
    for block in range(2, LONG, 4):
        for frame in reversed(range(block, block + 4)):
            frames, queue, table = frames.set(frame, -frame), queue.push(frame), table.set("b", frame, -frame)
            inputs = inputs.set("b", frame, -frame)
        yield from differs("how far inputs go without a hole", inputs.contiguous("b"), block + 3)
    last = inputs.contiguous("b")
    for frame in range(2, last + 1):
        found = (frames.get(frame), table.get("b", frame), inputs.get("b", frame))
        yield from differs(f"what is known of frame {frame}", found, (-frame,) * 3)
    yield from differs("the run of inputs", inputs.slice("b", 2, last), tuple(range(-2, -last - 1, -1)))
    cut = frames.before(LONG // 2)
    yield from differs("the frames that are left", sorted(cut), list(range(2, LONG // 2)))
    for number in range(last - 1):
        yield from differs("the oldest of a long queue", queue.first(), 4 * (number // 4) + 5 - number % 4)
        queue = queue.rest()
    yield from differs("the rest of a long queue", len(queue), 0)


@law("IN-3", "IN-5", "IN-6")
def inputs_are_known_or_predicted() -> Problems:
    """Inputs below the delay are the default; an unknown one is predicted from the nearest known one below it."""
    for delay, prediction in product((0, 2), ("previous", "default")):
        random, plain = Random(f"inputs/{delay}/{prediction}"), dict[tuple[str, int], int]()
        found = InputTable(Table(PLAYERS), delay, 7, prediction)
        for number in range(60):
            player, frame = random.choice(PLAYERS), delay + random.randrange(7)
            if (player, frame) not in plain:
                found = found.set(player, frame, number)
                plain[player, frame] = number
            yield from _as_known(found, plain, delay, prediction)
        yield from _as_known(found.cleared(), {}, delay, prediction)


def _as_known(found: InputTable, plain: Mapping[tuple[str, int], int], delay: int, prediction: str) -> Problems:
    def known(player: str, frame: int) -> int | None:
        return plain.get((player, frame)) if frame >= delay else 7 if frame >= 0 else None

    def used(player: str, frame: int) -> int:
        below = (known(player, each) for each in range(frame, delay - 1, -1))
        return next((each for each in below if each is not None), 7) if prediction == "previous" else 7

    for frame in range(-1, 10):
        row = [known(player, frame) for player in PLAYERS]
        yield from differs(f"the inputs of frame {frame}", [found.get(each, frame) for each in PLAYERS], row)
        yield from differs(f"whether frame {frame} is complete", found.complete(frame), None not in row)
        if frame >= 0:
            yield from differs(f"whether frame {frame} is predicted", found.predicts(frame), None in row)
            expected = tuple(used(player, frame) if it is None else it for player, it in zip(PLAYERS, row, strict=True))
            yield from differs(
                f"what frame {frame} is simulated with", found.joint(frame), JointAction(PLAYERS, expected)
            )
    for player in PLAYERS:
        last = next(frame for frame in range(12) if known(player, frame) is None) - 1
        yield from differs(f"how far {player}'s inputs go without a hole", found.contiguous(player), last)
        if last >= 0:
            run = tuple(known(player, frame) for frame in range(last + 1))
            yield from differs(f"the inputs of {player}", found.slice(player, 0, last), run)
