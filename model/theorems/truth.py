"""What really happened: the inputs that players submitted, and the world that follows from them in lockstep."""

from __future__ import annotations

from typing import Any, Protocol


class Truth(Protocol):
    """The lockstep run of one episode. Everything is a function of the frame."""

    def action(self, player: Any, frame: Any) -> Any:
        """Return what the player really did in the frame."""

    def joint(self, frame: Any) -> Any:
        """Return what everyone really did in the frame."""

    def simulation(self, frame: Any) -> Any:
        """Return the simulation before the frame."""

    def digest(self, frame: Any) -> Any:
        """Return the running hash of all records before the frame."""

    @property
    def end(self) -> Any:
        """The termination frame, or None."""
