"""States are the same in a search exactly if they are equal, by the one identity of actions (IN-13)."""

from __future__ import annotations

from itertools import combinations

from rollproof.model.search.interning import Numbers
from rollproof.reference.containers import InputTable, Table

VALUES = (-1, 0, 1, 2, 3, True, False, 1.0, 0.0, "1", None, (), (1,), (1.0,), (True,), ((1,), 2), ((1.0,), 2))


def test_different_values_have_different_numbers() -> None:
    numbers = Numbers()
    assert all(numbers.of(one) != numbers.of(other) for one, other in combinations(VALUES, 2))
    assert [numbers.of(each) for each in VALUES] == [numbers.of(each) for each in VALUES]


def test_tables_of_different_actions_are_different() -> None:
    tables = [
        InputTable(Table(("a", "b")), 0, 0, "previous").set("a", 0, action) for action in (1, 1.0, True, (1,), (1.0,))
    ]
    numbers = Numbers()
    assert len({numbers.of(each) for each in tables}) == len(tables)
