"""Divergences that are known: each must still be there, or its entry is out of date."""

from __future__ import annotations

from pathlib import Path

from attrs import define

from rollproof.conformance.logs.reading import LogError
from rollproof.conformance.schema import InvalidError, Json, check, parse
from rollproof.model.documents import read_bytes

MOST_BYTES = 1 << 20


@define
class Known:
    """One known divergence."""

    clause: str
    peer: str
    reason: str
    frames: tuple[int, int] | None = None
    """The first and the last frame; None: any, and divergences without one."""
    issue: str | None = None
    applied: int = 0
    """How often it was met."""

    def covers(self, clause: str, peer: str, frame: int | None) -> bool:
        """Tell whether a divergence of a peer is this one."""
        if (self.clause, self.peer) != (clause, peer):
            return False
        if self.frames is None:
            return True
        return frame is not None and self.frames[0] <= frame <= self.frames[1]

    def __str__(self) -> str:
        """Return the entry in one line."""
        frames = "" if self.frames is None else f", frames {self.frames[0]} to {self.frames[1]}"
        issue = "" if self.issue is None else f" ({self.issue})"
        return f"{self.clause}: {self.peer}{frames}: {self.reason}{issue}"


def load_known(path: Path) -> list[Known]:
    """Read a file of known divergences.

    Raises:
        LogError: if it is none.
    """
    try:
        value = parse(read_bytes(path, MOST_BYTES))
        check("known", value)
    except InvalidError as error:
        raise LogError(path, 0, str(error).removeprefix(f"{path}: ")) from None
    return [
        Known(each["clause"], each["peer"], each["reason"], _range(each.get("frames")), each.get("issue"))
        for each in value
    ]


def _range(frames: Json) -> tuple[int, int] | None:
    return None if frames is None else (frames[0], frames[1])
