"""The configuration: whatever is wrong is refused in one line that names the setting (EP-3)."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollproof.reference.config import Config
from rollproof.reference.export import metadata
from tests.bench import ME, PLAYERS, YOU, config, peer_after

INTEGERS = {
    "input_delay": (0, 120),
    "prediction_window": (1, 1_000_000),
    "redundancy": (1, 64),
    "max_resent": (1, 1024),
    "resend_interval_ms": (1, 60_000),
    "max_frames_ahead": (1, 1_000_000),
    "debug_remote_input_delay": (0, 600),
    "max_steps": (1, 1_000_000),
    "hash_interval": (1, 1_000_000),
}
"""By setting: the least and the greatest value."""


@pytest.mark.parametrize("name", INTEGERS)
def test_an_integer_may_be_as_large_and_as_small_as_it_may(name: str) -> None:
    for value in INTEGERS[name]:
        assert getattr(config(**{name: value}), name) == value


@pytest.mark.parametrize("name", INTEGERS)
def test_a_wrong_integer_is_refused(name: str) -> None:
    least, greatest = INTEGERS[name]
    for wrong in (least - 1, greatest + 1, True, 1.0, "1", [1], float("nan"), 10**30):
        with pytest.raises(ValueError, match=f"^{name} must be an integer from {least} to {greatest}, not "):
            config(**{name: wrong})


WRONG: list[tuple[str, Any, str]] = [
    ("player", "c", "player must be one of players, not 'c'"),
    ("player", "", "player must be a string of 1 to 64 characters, not ''"),
    ("player", None, "player must be a string of 1 to 64 characters, not None"),
    ("players", ["a", "b"], "players must be a tuple of 1 to 16 names, not ['a', 'b']"),
    ("players", (), "players must be a tuple of 1 to 16 names, not ()"),
    ("players", ("a", "a"), "players must be different, not ('a', 'a')"),
    ("players", ("a", ""), "players must be a string of 1 to 64 characters, not ''"),
    ("players", ("a", 1), "players must be a string of 1 to 64 characters, not 1"),
    ("game", 5, "game must be a string of 1 to 64 characters, not 5"),
    ("default_action", None, "default_action must be a hashable value other than None, not None"),
    ("default_action", [0], "default_action must be a hashable value other than None, not [0]"),
    ("prediction", "best", "prediction must be 'previous' or 'default', not 'best'"),
    ("prediction", None, "prediction must be 'previous' or 'default', not None"),
    ("server_authoritative", 1, "server_authoritative must be a bool, not 1"),
    ("human_players", ("c",), "human_players must be a tuple of players or None, not ('c',)"),
    ("human_players", "a", "human_players must be a tuple of players or None, not 'a'"),
]


@pytest.mark.parametrize(("name", "value", "text"), WRONG, ids=lambda value: str(value)[:30])
def test_a_wrong_setting_is_refused_in_one_line(name: str, value: Any, text: str) -> None:
    with pytest.raises(ValueError, match="must be") as raised:
        config(**{name: value})
    assert str(raised.value) == text


@given(st.sampled_from([each.name for each in attrs.fields(Config)]), st.one_of(st.text(), st.binary(), st.floats()))
def test_any_refusal_is_one_short_line_that_names_the_setting(name: str, value: Any) -> None:
    try:
        config(**{name: value})
    except ValueError as error:
        text = str(error)
        assert "\n" not in text
        assert len(text) < 200
        assert text.startswith(name) or name == "players" or text.startswith("player must be one of players")


def test_a_longer_value_is_shown_in_part() -> None:
    with pytest.raises(ValueError, match=r"^game must be a string of 1 to 64 characters, not 'x{36}\.\.\.$"):
        config(game="x" * 65)


def test_as_many_players_as_there_may_be() -> None:
    players = tuple(f"p{n}" for n in range(16))
    assert Config("p0", players).partners == players[1:]
    with pytest.raises(ValueError, match="players must be a tuple of 1 to 16 names"):
        Config("p0", (*players, "p16"))


def test_the_partners_are_the_other_players() -> None:
    assert config().partners == (YOU,)
    assert config(player=YOU).partners == (ME,)
    assert Config(ME, (ME,)).partners == ()


def test_every_setting_is_in_the_metadata() -> None:
    """EP-3: as JSON."""
    exported = metadata(peer_after(""))
    assert set(exported) >= {each.name for each in attrs.fields(Config)}
    assert json.loads(json.dumps(exported))["players"] == list(PLAYERS)
