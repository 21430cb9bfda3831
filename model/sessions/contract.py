"""What a contract is: something that every call of a driver must do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import field, frozen

from rollproof.model.sessions.calls import DriverCall

Problems = Iterator[str]
"""A sentence for each way in which a contract is broken."""


@frozen
class Contract:
    """Something that every call of a driver must do."""

    name: str
    rules: tuple[str, ...]
    problems: Callable[[DriverCall], Problems] = field(repr=False)

    @property
    def sentence(self) -> str:
        """What must be done, in English."""
        return " ".join((self.problems.__doc__ or "").split())


def contract(*rules: str) -> Callable[[Callable[[DriverCall], Problems]], Contract]:
    """Declare a contract: the function's name is its name, its docstring its sentence."""
    return lambda problems: Contract(problems.__name__, rules, problems)
