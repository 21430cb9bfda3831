"""A theorem that is false of some late state is not proved, whatever way it reads the state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rollproof.model.theorems.logic import Formula, Logic
from rollproof.model.theorems.properties import PROPERTIES
from rollproof.model.theorems.property import Clauses, Property, theorem
from rollproof.proofs import composition, obligations
from rollproof.reference.protocol import PROTOCOL
from rollproof.reference.state import Rollback
from tests.edited import left_open

Reading = Callable[[Logic, Any], Formula]
READINGS: dict[str, Reading] = {
    "a part compared as a whole": lambda q, peer: q.equal(peer.rollback, Rollback()),
    "its fields": lambda q, peer: q.no(q.any_of(q.is_there(peer.rollback.pending), q.is_there(peer.rollback.cursor))),
    "one field, given": lambda q, peer: q.given(peer.rollback.pending, lambda _: q.any_of()),
    "one field, or else": lambda q, peer: q.value_or(peer.rollback.pending, -1) == -1,
}
NAME = "no_rollback_after_the_third_episode"


def false_theorem(reading: Reading) -> Property:
    def none(q: Logic, peer: Any) -> Clauses:
        """From the fourth episode on no rollback is ever pending."""
        return {"none": q.any_of(peer.epoch < 3, reading(q, peer))}

    none.__name__ = NAME
    return theorem("RB-1", trusting=False)(none)


@pytest.fixture
def afresh() -> Iterator[None]:
    """Forget what was stated of the properties that there were."""
    caches = (obligations._arbitrary, composition._pair)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


@pytest.mark.parametrize("name", READINGS)
@pytest.mark.usefixtures("afresh")
def test_what_is_false_from_the_fourth_episode_on_is_not_proved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PROPERTIES, NAME, false_theorem(READINGS[name]))
    assert any(left_open(PROTOCOL, "drain_input", NAME))
