"""What a difference is: two lines that tell different things of the same thing, and the clause that forbids it."""

from __future__ import annotations

from typing import NamedTuple

from attrs import frozen

from rollproof.conformance.schema import Json


@frozen
class Clause:
    """Something that must hold of what is told."""

    name: str
    sentence: str
    rules: tuple[str, ...]


ONE_VALUE = Clause("one_value", "An input is the same wherever it is told.", ("IN-3", "IN-10"))
AGREEMENT = Clause(
    "agreement", "The state after the same frames with the same inputs is the same at every peer.", ("BUF-6", "ME-4")
)
DETERMINISM = Clause("determinism", "The same inputs make the same state of the same state.", ("RB-5",))
PROMOTED_IS_FINAL = Clause("promoted_is_final", "A promoted record does not change any more.", ("BUF-4", "BUF-6"))
ROW_IS_RECORD = Clause("row_is_the_record", "A row is exported as its frame was simulated last.", ("EP-10", "BUF-6"))
ROW_FLAG = Clause("row_unconfirmed", "A row is flagged if its record was promoted by force.", ("BUF-8", "EP-8"))
EXPORTS_AGREE = Clause("exports_agree", "Rows that are not unconfirmed are the same at every peer.", ("EP-13",))
HASHES_AGREE = Clause("hashes_agree", "The hash of all records up to a frame is the same at every peer.", ("ME-4",))


class Statement(NamedTuple):
    """What one line tells of something."""

    peer: str
    kind: str
    value: Json
    line: int
    since: int | None
    """The line since which it is final; None if nothing says that it is."""


@frozen
class Difference:
    """Two lines that tell different things of the same thing."""

    clause: Clause
    epoch: int
    frame: int | None
    about: str
    """What they tell of, in words."""
    one: Statement
    """The line that comes first."""
    other: Statement
    player: str | None = None
    """Whose input it is, if it is one."""

    @property
    def certain(self) -> bool:
        """Whether both are final."""
        return self.one.since is not None and self.other.since is not None

    @property
    def line(self) -> int:
        """The line by which it shows."""
        return max(self.one.line, self.other.line, self.one.since or 0, self.other.since or 0)


def difference(
    clause: Clause, epoch: int, frame: int | None, about: str, *both: Statement, player: str | None = None
) -> Difference:
    """Return the difference between two statements, in the order of their lines."""
    first, second = sorted(both, key=lambda each: each.line)
    return Difference(clause, epoch, frame, about, first, second, player)
