"""The configuration of a session, checked when it is made."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from attrs import Attribute, field, frozen

from rollproof.reference.containers import Action, Player
from rollproof.reference.values import normal, same


def _whole(minimum: int, maximum: int) -> Any:
    def check(_: object, attribute: Attribute[Any], value: object) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
            raise ValueError(f"{attribute.name} must be an integer from {minimum} to {maximum}, not {_shown(value)}")

    return check


def _optional_whole(minimum: int, maximum: int) -> Any:
    check = _whole(minimum, maximum)
    return lambda config, attribute, value: None if value is None else check(config, attribute, value)


def _non_negative_ms(_: object, attribute: Attribute[Any], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{attribute.name} must be a non-negative integer of milliseconds, not {_shown(value)}")


def _name(_: object, attribute: Attribute[Any], value: object) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= 64:
        raise ValueError(f"{attribute.name} must be a string of 1 to 64 characters, not {_shown(value)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


@lru_cache
def _others(players: tuple[Player, ...], player: Player) -> tuple[Player, ...]:
    return tuple(other for other in players if other != player)


FRAMES = 1_000_000
"""The largest number of frames that any setting may speak of."""


KINDS: dict[str, type] = {"bool": bool, "int": int, "float": float, "text": str}
"""The kinds of action that the wire allows, by name."""
MOST_ACTIONS = 1024
"""How many different actions may be listed."""


@frozen(repr=False)
class Actions:
    """Which values are actions (IN-7)."""

    among: str | tuple[Action, ...] = field(default="any", converter=normal)
    """`any` that the wire allows, one of `KINDS`, or the actions themselves."""

    @among.validator
    def _check_among(self, _: Attribute[Any], value: object) -> None:
        listed = isinstance(value, tuple) and 1 <= len(value) <= MOST_ACTIONS and None not in value
        if not listed and value not in ("any", *KINDS):
            raise ValueError(
                f"actions must be any, {', '.join(KINDS)}, or a tuple of 1 to {MOST_ACTIONS} actions, "
                f"not {_shown(value)}"
            )

    def __repr__(self) -> str:
        """Return it as a configuration is given it."""
        return repr(self.among)

    def admits(self, action: Action) -> bool:
        """Tell whether a value is an action."""
        if isinstance(self.among, tuple):
            return any(same(each, action) for each in self.among)
        return self.among == "any" or type(action) is KINDS[self.among]


def _actions(value: object) -> Actions:
    """Return what is given as actions: as JSON says it, too, which has lists in place of tuples."""
    listed = tuple(value) if isinstance(value, list) else value
    return listed if isinstance(listed, Actions) else Actions(cast(Any, listed))


@frozen
class Config:
    """The settings of one peer in one session. All but `player` are equal for every peer.

    Raises:
        ValueError: naming the setting, if one is not as described.
    """

    player: Player = field(validator=_name)
    """Whose inputs this peer submits."""
    players: tuple[Player, ...] = field()
    """All players in an order that every peer shares; each is the input of one peer."""
    game: str = field(default="game", validator=_name)
    """The session's id, carried by every message (TR-3)."""
    default_action: Action = field(default=0, converter=normal)
    """The action of frames below `input_delay`, and of predictions with nothing to go by (IN-5, IN-6)."""
    actions: Actions = field(default=Actions(), converter=_actions)
    """What an action is: `any` that the wire allows, `bool`, `int`, `float`, `text`, or a tuple of all there are. What
    is none is refused on arrival, and of the local player as well (IN-7)."""
    input_delay: int = field(default=0, validator=_whole(0, 120))
    """In frames (IN-5)."""
    prediction: str = field(default="previous")
    """`previous` or `default` (IN-6)."""
    prediction_window: int | None = field(default=None, validator=_optional_whole(1, FRAMES))
    """How many frames may be simulated beyond the confirmed one, at least the next; None is unlimited (IN-8)."""
    redundancy: int = field(default=3, validator=_whole(1, 64))
    """How many inputs a packet carries, the newest included (IN-4)."""
    max_resent: int = field(default=64, validator=_whole(1, 1024))
    """How many inputs are re-sent in one packet, the oldest unacknowledged first (IN-9)."""
    resend_interval_ms: int = field(default=100, validator=_whole(1, 60_000))
    """How long an unacknowledged input or end waits before it is sent again (IN-9, EP-2)."""
    max_frames_ahead: int = field(default=600, validator=_whole(1, FRAMES))
    """How far ahead of this peer a remote input may be (IN-7)."""
    debug_remote_input_delay: int = field(default=0, validator=_whole(0, 600))
    """How many ticks each received input is held back: fault injection (IN-12)."""
    max_steps: int | None = field(default=None, validator=_optional_whole(1, FRAMES))
    """The step limit of an episode; None leaves the end to the world (EP-1)."""
    input_confirmation_timeout_ms: int = field(default=500, validator=_non_negative_ms)
    """How long the confirmation wait may take; 0 disables it (EP-3, EP-4)."""
    episode_sync_timeout_ms: int = field(default=2000, validator=_non_negative_ms)
    """How long to wait for the partners' ends (EP-9)."""
    hash_interval: int = field(default=60, validator=_whole(1, FRAMES))
    """Every how many frames the running hash is exchanged (ME-4)."""
    server_authoritative: bool = field(default=False)
    """Whether a server decides what happened: such a session skips the confirmation wait (EP-4)."""
    human_players: tuple[Player, ...] | None = field(default=None)
    """The players driven by people, all if None. A session without any skips the confirmation wait (EP-4)."""

    @players.validator
    def _check_players(self, _: Attribute[Any], value: object) -> None:
        if not isinstance(value, tuple) or not 1 <= len(value) <= 16:
            raise ValueError(f"players must be a tuple of 1 to 16 names, not {_shown(value)}")
        for name in value:
            _name(None, Config.__attrs_attrs__.players, name)
        if len(set(value)) != len(value):
            raise ValueError(f"players must be different, not {_shown(value)}")
        if self.player not in value:
            raise ValueError(f"player must be one of players, not {_shown(self.player)}")

    @default_action.validator
    def _check_default_action(self, _: Attribute[Any], value: object) -> None:
        if value is None or value.__hash__ is None:
            raise ValueError(f"default_action must be a hashable value other than None, not {_shown(value)}")
        if not self.actions.admits(value):
            raise ValueError(f"default_action must be one of the actions, not {_shown(value)}")

    @prediction.validator
    def _check_prediction(self, _: Attribute[Any], value: object) -> None:
        if value not in ("previous", "default"):
            raise ValueError(f"prediction must be 'previous' or 'default', not {_shown(value)}")

    @server_authoritative.validator
    def _check_server_authoritative(self, _: Attribute[Any], value: object) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"server_authoritative must be a bool, not {_shown(value)}")

    @human_players.validator
    def _check_human_players(self, _: Attribute[Any], value: object) -> None:
        if value is not None and (not isinstance(value, tuple) or not set(value) <= set(self.players)):
            raise ValueError(f"human_players must be a tuple of players or None, not {_shown(value)}")

    @property
    def partners(self) -> tuple[Player, ...]:
        """The players whose inputs come from other peers."""
        return _others(self.players, self.player)

    @property
    def confirmation_timeout_ms(self) -> int:
        """How long this session's confirmation wait may take (EP-3, EP-4)."""
        skips = self.server_authoritative or self.human_players == ()
        return 0 if skips else self.input_confirmation_timeout_ms
