"""The persistent containers that the state is made of.

They grow with the episode, so they share structure: a change costs the same at frame 100 and at frame 100,000. The
interface is small on purpose. A second implementation over logic (`model.symbolic`) has the same methods, and a test
shows that the two agree. Only these methods ever speak of *all* players or *all* frames; transitions have no loops.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, TypeVar

from attrs import field
from immutables import Map

from rollproof.reference.values import frozen

V = TypeVar("V")

Player = str
"""A player's name. Each player of `Config.players` is the input of one peer."""

Action = Any
"""What a player does in one frame: any hashable JSON value but None."""


@frozen
class FrameMap(Generic[V]):
    """A map from frames to values, with holes."""

    entries: Map[int, V] = Map()
    end: int = 0
    """One more than the highest frame that was ever set and not cut off by `before`."""

    def get(self, frame: int) -> V | None:
        """Return the value of `frame`, or None."""
        return self.entries.get(frame)

    def __getitem__(self, frame: int) -> V:
        """Return the value of `frame`.

        Raises:
            KeyError: if it has none.
        """
        return self.entries[frame]

    def set(self, frame: int, value: V) -> FrameMap[V]:
        """Return this map with `value` at `frame`."""
        return FrameMap(self.entries.set(frame, value), frame + 1 if frame >= self.end else self.end)

    def remove(self, frame: int) -> FrameMap[V]:
        """Return this map without `frame`, which need not be there."""
        return FrameMap(self.entries.delete(frame), self.end) if frame in self.entries else self

    def before(self, frame: int) -> FrameMap[V]:
        """Return this map without `frame`, which is not negative, and all later frames. Costs as much as it removes."""
        if frame >= self.end:
            return self
        entries = self.entries.mutate()
        for later in range(frame, self.end):
            entries.pop(later, None)
        return FrameMap(entries.finish(), frame)

    def cleared(self) -> FrameMap[V]:
        """Return an empty map."""
        return FrameMap()

    def __len__(self) -> int:
        """Return how many frames have a value."""
        return len(self.entries)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the frames that have a value, in no particular order."""
        return iter(self.entries)


@frozen
class PlayerMap(Generic[V]):
    """A map from players to values."""

    entries: Map[Player, V] = Map()

    def get(self, player: Player) -> V | None:
        """Return the value of `player`, or None."""
        return self.entries.get(player)

    def __getitem__(self, player: Player) -> V:
        """Return the value of `player`.

        Raises:
            KeyError: if there is none.
        """
        return self.entries[player]

    def set(self, player: Player, value: V) -> PlayerMap[V]:
        """Return this map with `value` at `player`."""
        return PlayerMap(self.entries.set(player, value))

    def covers(self, players: tuple[Player, ...]) -> bool:
        """Tell whether every one of `players` has a value."""
        return all(player in self.entries for player in players)

    def filled(self, value: V) -> PlayerMap[V]:
        """Return this map with `value` at every player it has."""
        return PlayerMap(Map(dict.fromkeys(self.entries, value)))

    def cleared(self) -> PlayerMap[V]:
        """Return an empty map."""
        return PlayerMap()


@frozen
class Sequence(Generic[V]):
    """A first-in, first-out sequence. Also serves as a log, which is only ever appended to."""

    items: Map[int, V] = Map()
    """By number; the oldest item has number `start`."""
    start: int = 0
    end: int = 0
    """One more than the number of the newest item."""

    def push(self, item: V) -> Sequence[V]:
        """Return this sequence with `item` at its end."""
        return Sequence(self.items.set(self.end, item), self.start, self.end + 1)

    def first(self) -> V | None:
        """Return the oldest item, or None."""
        return self.items.get(self.start)

    def rest(self) -> Sequence[V]:
        """Return this sequence without its oldest item; it must have one."""
        return Sequence(self.items.delete(self.start), self.start + 1, self.end)

    def cleared(self) -> Sequence[V]:
        """Return an empty sequence."""
        return Sequence()

    def __len__(self) -> int:
        """Return how many items there are."""
        return self.end - self.start

    def __iter__(self) -> Iterator[V]:
        """Iterate from the oldest item to the newest."""
        return map(self.items.__getitem__, range(self.start, self.end))

    def __eq__(self, other: object) -> bool:
        """Tell whether the items are equal, whatever their numbers."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return a hash of the items."""
        return hash(tuple(self))


@frozen
class JointAction:
    """One action of every player."""

    players: tuple[Player, ...]
    actions: tuple[Action, ...]

    def of(self, player: Player) -> Action:
        """Return the action of `player`, who must be one of `players`."""
        return self.actions[self.players.index(player)]

    def items(self) -> Iterator[tuple[Player, Action]]:
        """Iterate over (player, action) in player order."""
        return iter(zip(self.players, self.actions, strict=True))


@frozen
class Table(Generic[V]):
    """A map from (player, frame) to values; `players` fixes the order of each row."""

    players: tuple[Player, ...]
    rows: Map[int, tuple[V | None, ...]] = Map()

    def get(self, player: Player, frame: int) -> V | None:
        """Return the value of (player, frame), or None."""
        row = self.rows.get(frame)
        return None if row is None else row[self.players.index(player)]

    def set(self, player: Player, frame: int, value: V) -> Table[V]:
        """Return this table with `value` at (player, frame)."""
        players, rows = self.players, self.rows
        row = rows.get(frame) or (None,) * len(players)
        return Table(players, rows.set(frame, _replaced(row, players.index(player), value)))

    def remove(self, player: Player, frame: int) -> Table[V]:
        """Return this table without (player, frame)."""
        if frame not in self.rows:
            return self
        row = _replaced(self.rows[frame], self.players.index(player), None)
        empty = row.count(None) == len(row)
        return Table(self.players, self.rows.delete(frame) if empty else self.rows.set(frame, row))

    def cleared(self) -> Table[V]:
        """Return an empty table of the same players."""
        return Table(self.players)


@frozen
class InputTable:
    """The known inputs, by (player, frame).

    Every frame below `delay` counts as known, with the `default` action for every player (IN-5).
    """

    table: Table[Action]
    delay: int
    default: Action
    prediction: str
    """`previous` or `default` (IN-6)."""
    newest: tuple[int, ...] = field()
    """Per player: the highest known frame."""
    prefix: tuple[int, ...] = field()
    """Per player: the highest frame such that it and every frame before it are known."""

    @newest.default
    def _newest(self) -> tuple[int, ...]:
        return (self.delay - 1,) * len(self.table.players)

    @prefix.default
    def _prefix(self) -> tuple[int, ...]:
        return (self.delay - 1,) * len(self.table.players)

    def get(self, player: Player, frame: int) -> Action | None:
        """Return the known action of (player, frame), or None."""
        if frame < self.delay:
            return self.default if frame >= 0 else None
        row = self.table.rows.get(frame)
        return None if row is None else row[self.table.players.index(player)]

    def set(self, player: Player, frame: int, action: Action) -> InputTable:
        """Return this table with `action` known for (player, frame)."""
        table, newest, prefix = self.table.set(player, frame, action), self.newest, self.prefix
        at = table.players.index(player)
        if frame > newest[at]:
            newest = _replaced(newest, at, frame)
        if frame == prefix[at] + 1:
            while frame < newest[at] and table.get(player, frame + 1) is not None:
                frame += 1
            prefix = _replaced(prefix, at, frame)
        return type(self)(table, self.delay, self.default, self.prediction, newest, prefix)

    def complete(self, frame: int) -> bool:
        """Tell whether every player's action of `frame` is known."""
        if frame < self.delay:
            return frame >= 0
        row = self.table.rows.get(frame)
        return row is not None and None not in row

    def predicts(self, frame: int) -> bool:
        """Tell whether some player's action of `frame` is unknown, so that `joint` predicts it."""
        return not self.complete(frame)

    def joint(self, frame: int) -> JointAction:
        """Return every player's action of `frame`: the known one, or else the predicted one (IN-6)."""
        players = self.table.players
        if frame < self.delay:
            return JointAction(players, (self.default,) * len(players))
        row = self.table.rows.get(frame) or (None,) * len(players)
        if None in row:
            known = zip(players, row, strict=True)
            row = tuple([self.predict(player, frame) if action is None else action for player, action in known])
        return JointAction(players, row)

    def predict(self, player: Player, frame: int) -> Action:
        """Return the prediction for an unknown (player, frame): a function of what is known alone (IN-6)."""
        if self.prediction == "default":
            return self.default
        at, rows = self.table.players.index(player), self.table.rows
        for below in range(min(frame - 1, self.newest[at]), self.delay - 1, -1):
            row = rows.get(below)
            if row is not None and row[at] is not None:
                return row[at]
        return self.default

    def contiguous(self, player: Player) -> int:
        """Return the highest frame such that it and every frame before it are known for `player`; −1 if none."""
        return self.prefix[self.table.players.index(player)]

    def slice(self, player: Player, first: int, last: int) -> tuple[Action, ...]:
        """Return the known actions of `player` from `first` to `last`, both included, no hole between them."""
        at, rows, delay = self.table.players.index(player), self.table.rows, self.delay
        return tuple([self.default if frame < delay else rows[frame][at] for frame in range(first, last + 1)])

    def cleared(self) -> InputTable:
        """Return a table that knows only the frames below `delay`."""
        return InputTable(self.table.cleared(), self.delay, self.default, self.prediction)


def _replaced(row: tuple[Any, ...], at: int, value: Any) -> tuple[Any, ...]:
    return (*row[:at], value, *row[at + 1 :])
