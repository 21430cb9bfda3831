"""The small instances of the search in the suite's own game, so that a run found in one is a case as it is."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import frozen

from rollproof.conformance.game import HashWorld
from rollproof.model.search.instances import INSTANCES, Instance
from rollproof.reference.config import Config
from rollproof.reference.containers import Player
from rollproof.reference.world import World

PEERS = ("A", "B")
SETTINGS: dict[str, Any] = {
    "input_confirmation_timeout_ms": 1,
    "episode_sync_timeout_ms": 1,
    "resend_interval_ms": 1,
    "redundancy": 2,
    "max_frames_ahead": 2,
    "hash_interval": 1,
}
"""Of every instance."""


@frozen
class Game(Instance):
    """An instance in the suite's game."""

    end_sum: int | None = None
    """See `HashWorld`; in place of `ends`."""
    limit: int = 1_500
    """How many states are looked at."""

    @property
    def world(self) -> World:
        """The world that every peer simulates."""
        return HashWorld(self.end_sum)

    @property
    def case_config(self) -> dict[str, Any]:
        """The settings as a case has them."""
        ends = {} if self.end_sum is None else {"end_sum": self.end_sum}
        return {**SETTINGS, **self.settings, **ends}

    def config(self, player: Player) -> Config:
        """Return the configuration of one peer."""
        return Config(player=player, players=self.players, **{**SETTINGS, **self.settings})


def _like(instance: str, **changes: Any) -> Game:
    """Return an instance of the model in the suite's game, with changes."""
    fields = {each.name: getattr(INSTANCES[instance], each.name) for each in attrs.fields(Instance)}
    return Game(**{**fields, "players": PEERS, **changes})


_TO_HASHES = (
    *("schedule_input", "receive_input", "drain_input", "simulate_frame", "confirm_frame", "promote_frame"),
    *("receive_hash", "compare_hash"),
)
_ENDS: dict[str, Any] = {"settings": {}, "end_sum": 2}
GAMES: tuple[Game, ...] = (
    _like("core"),
    _like("hostile"),
    _like("strangers"),
    _like("episodes"),
    _like("delay"),
    _like("held back"),
    _like("counts"),
    _like("transport"),
    _like("hashes"),
    _like("hostile", name="lies", truthful=False),
    _like("two values"),
    _like("hashes", name="false hashes", truthful=False, transitions=_TO_HASHES),
    _like(
        "ending",
        truths=(
            (((0, 1), (0, 0)),),  # it seems to end after two frames, and goes on
            (((0, 1), (0, 1)),),  # it ends after two frames, as predicted
            (((1, 1), (0, 0)),),  # it seems to go on after one frame, and ends
            (((1, 0), (1, 1)),),  # it ends after two frames, of which the last is mispredicted
        ),
        limit=5_000,
        **_ENDS,
    ),
    _like("ending", name="false end", truths=((((0, 1), (0, 0), (0, 1)),),), frames=3, limit=15_000, **_ENDS),
    _like("beyond", truths=((((1, 1), (0, 0), (0, 0)),),), frames=3, limit=20_000, **_ENDS),
)
"""The instances, the cheapest first. An episode that ends by what players do ends when their inputs add up to 2."""
