"""The reading of properties on values: states of the reference.

Frames range over what the state can speak of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from rollproof.model.theorems.logic import Formula
from rollproof.model.theorems.truth import Truth
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.transition import Protocol, Transition
from rollproof.reference.values import same


class Values:
    """The reading on values: states of the reference."""

    def __init__(
        self,
        players: tuple[str, ...],
        last_frame: int,
        truth: Callable[[int], Truth],
        protocol: Protocol = PROTOCOL,
        honest: Collection[str] | None = None,
    ) -> None:
        """Let frames range from −1 to `last_frame`; `truth` tells what really happens in an episode.

        All players are honest, unless those who are so are named.
        """
        self.setting = (players, last_frame, truth, protocol, honest)
        self._honest = players if honest is None else honest
        self.protocol = protocol
        self._players = players
        self._frames = range(-1, last_frame + 1)
        self._truth = truth

    def all_of(self, *formulas: Formula) -> Formula:
        return all(formulas)

    def any_of(self, *formulas: Formula) -> Formula:
        return any(formulas)

    def no(self, formula: Formula) -> Formula:
        return not formula

    def implies(self, premise: Formula, conclusion: Callable[[], Formula]) -> Formula:
        return not premise or bool(conclusion())

    def iff(self, left: Formula, right: Formula) -> Formula:
        return bool(left) == bool(right)

    def frames(self, body: Callable[[Any], Formula]) -> Formula:
        return all(body(frame) for frame in self._frames)

    def players(self, body: Callable[[Any], Formula]) -> Formula:
        return all(body(player) for player in self._players)

    def is_player(self, player: Any) -> Formula:
        return player in self._players

    def is_honest(self, player: Any) -> Formula:
        return player in self._honest

    def positions(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return all(body(item) for item in sequence)

    def is_there(self, optional: Any) -> Formula:
        return optional is not None

    def given(self, optional: Any, body: Callable[[Any], Formula]) -> Formula:
        return optional is None or bool(body(optional))

    def value_or(self, optional: Any, other: Any) -> Any:
        return other if optional is None else optional

    def has(self, container: Any, *index: Any) -> Formula:
        return container.get(*index) is not None

    def at(self, container: Any, *index_and_body: Any) -> Formula:
        *index, body = index_and_body
        value = container.get(*index)
        return value is None or bool(body(value))

    def read(self, container: Any, *index: Any) -> Any:
        return container.get(*index)

    def when(self, condition: Formula, left: Callable[[], Any], right: Callable[[], Any]) -> Any:
        return left() if condition else right()

    def equal(self, left: Any, right: Any) -> Formula:
        return bool(left == right)

    def length(self, sequence: Any) -> int:
        return len(sequence)

    def truth(self, peer: Any, epoch: Any = None) -> Truth:
        return self._truth(peer.epoch if epoch is None else epoch)

    def newest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return len(sequence) > 0 and bool(body(list(sequence)[-1]))

    def oldest(self, sequence: Any, body: Callable[[Any], Formula]) -> Formula:
        return len(sequence) > 0 and bool(body(sequence.first()))

    def last_of(self, message: Any) -> int:
        return int(message.first) + len(message.actions) - 1

    def every_action(self, message: Any, body: Callable[[Any, Any], Formula]) -> Formula:
        return all(body(frame, action) for frame, action in enumerate(message.actions, message.first))

    def is_empty(self, players: Any) -> Formula:
        return players is not None and len(players) == 0

    def dropped(self, old: Any, new: Any, body: Callable[[Any], Formula]) -> Formula:
        before, after = list(old), list(new)
        gone = next(
            (count for count in range(len(before) + 1) if after[: len(before) - count] == before[count:]), len(before)
        )
        return all(body(item) for item in before[:gone])

    def is_slice(self, table: Any, player: Any, message: Any) -> Formula:
        return all(
            same(table.get(player, frame), action) for frame, action in enumerate(message.actions, message.first)
        )

    def enabled(self, transition: Transition[Any], peer: Any, *args: Any) -> Formula:
        if transition.name not in self.protocol.transitions:
            return False
        return self.protocol[transition].refusal(peer, transition.arguments(*args)) is None
