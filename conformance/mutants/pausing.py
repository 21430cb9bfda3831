"""Implementations that pause, alone or together, and those that catch up afterwards; with their mistakes."""

from __future__ import annotations

from rollproof.conformance.mutants.template import Peer
from rollproof.conformance.schema import Json


class Pauses(Peer):
    """Simulates nothing new between `pause` and `go_on`, and goes on sending."""

    paused = False

    def command(self, name: str, value: int | None) -> bool:
        """Obey."""
        if name not in ("pause", "go_on"):
            return False
        self.paused = name == "pause"
        return True

    def tick(self, value: int) -> None:
        """Do nothing while it is paused but send."""
        if not self.paused:
            super().tick(value)
            return
        for partner in self.acked:
            self.send(partner)


class CatchesUp(Pauses):
    """Simulates in one call after a pause what its partners have simulated in it, with its own input 0."""

    behind = False

    def command(self, name: str, value: int | None) -> bool:
        """Obey."""
        self.behind = name == "go_on" or self.behind
        return super().command(name, value)

    def tick(self, value: int) -> None:
        """Catch up, if it is behind."""
        if self.paused or not self.behind:
            super().tick(value)
            return
        self.behind = False
        super().tick(0)
        last = min(max(known, default=-1) for number, known in enumerate(self.known) if number != self.number)
        while len(self.used) <= last:
            frame = len(self.used)
            self.schedule(self.missed())
            self.advance()
            self.known[self.number][frame] = 0
        for partner in self.acked:
            self.send(partner)

    def missed(self) -> int:
        """Return the input of a frame that it has missed."""
        return 0


class CatchesUpWithItsLast(CatchesUp):
    """Catches up with the input that it had last, and tells the others 0."""

    def missed(self) -> int:
        """Hold the last one that was pressed."""
        return next((row[self.number] for row in reversed(self.used) if row[self.number]), 0)


class PausesTogether(Peer):
    """Who pauses names a frame, a little ahead, at which everybody stops."""

    stop: tuple[int, int | None] = (0, None)
    """How often it was changed, and the frame."""
    margin = 12

    def command(self, name: str, value: int | None) -> bool:
        """Name a frame, or none."""
        if name not in ("pause", "go_on"):
            return False
        self.stop = self.stop[0] + 1, len(self.used) + self.margin if name == "pause" else None
        return True

    def may_advance(self) -> bool:
        """Tell whether the frame lies before the one to stop at."""
        return super().may_advance() and (self.stop[1] is None or len(self.used) < self.stop[1])

    def extra(self) -> Json:
        """Tell the others."""
        return {"stop": self.stop}

    def take_extra(self, packet: Json) -> None:
        """Stop where the others do."""
        self.stop = max(self.stop, tuple(packet["stop"]), key=lambda each: each[0])


class PausesAlone(PausesTogether):
    """Agrees to pause, and does not tell the others."""

    def take_extra(self, packet: Json) -> None:
        """Go on."""


class PausesNot(Pauses):
    """Goes on while it is paused."""

    def tick(self, value: int) -> None:
        """Simulate."""
        Peer.tick(self, value)
