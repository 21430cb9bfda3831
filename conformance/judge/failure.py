"""A failure: which clause, whose, at which frame, what was expected and what was there."""

from __future__ import annotations

from attrs import frozen


@frozen
class Failure:
    """Something that an implementation did, and must not do; or did not do, and must."""

    clause: str
    """The name of the property, or of the guard of the reference that refuses what was observed."""
    sentence: str
    """What must hold, in English."""
    rules: tuple[str, ...]
    peer: str
    frame: int | None
    expected: str
    actual: str
    event: int
    """The number of the event that shows it."""

    def __str__(self) -> str:
        """Return the failure in one line."""
        where = self.peer if self.frame is None else f"{self.peer}, frame {self.frame}"
        rules = ", ".join(self.rules)
        return f"{self.clause} ({rules}): {where}: expected {self.expected}, got {self.actual}"


class DivergenceError(Exception):
    """What was observed is not what the model allows."""

    def __init__(
        self, clause: str, sentence: str, rules: tuple[str, ...], frame: int | None, expected: str, actual: str
    ) -> None:
        """Say what differs."""
        super().__init__(clause)
        self.parts = clause, sentence, rules
        self.frame, self.expected, self.actual = frame, expected, actual

    def at(self, peer: str, event: int) -> Failure:
        """Return the failure that this is, seen at an event."""
        return Failure(*self.parts, peer, self.frame, self.expected, self.actual, event)
