"""Frames that are shown ahead of time and taken back (`run_ahead`) are set aside before anything is judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import define, field

from rollproof.conformance.runner.run import Event

CALLS = ("tick", "poll", "resume", "arrive", "command", "link")
"""The requests after which a peer may simulate."""


@define
class _Peer:
    """What one peer has simulated for the first time in its last call that did so."""

    next_frame: int = 0
    first: int = 0
    """The first of those frames: the only one that counts, if it is not taken back."""
    shown: dict[int, list[int]] = field(factory=dict)
    """By such a frame: the numbers of its events."""
    same_call: bool = False

    def see(self, event: Event) -> Iterable[int]:
        """Take in an event; return the numbers of the events that are to be set aside."""
        if event.kind in CALLS:
            self.same_call = False
            return ()
        if event.kind != "obs":
            return ()
        kind, frame = event.data["obs"], event.data.get("frame", -1)
        if kind == "episode_begin":
            self.next_frame, self.shown = 0, {}
        elif kind == "load" and self.shown:
            return self._taken_back(event.number, frame)
        elif kind in ("advance", "save") and frame >= self.next_frame and frame - self.next_frame <= 1:
            if not self.same_call:
                self.shown, self.first, self.same_call = {}, frame, True
            self.shown.setdefault(frame, []).append(event.number)
            if kind == "advance":
                self.next_frame = frame + 1
        return ()

    def _taken_back(self, number: int, frame: int) -> list[int]:
        """Set aside what is shown from a frame on; what a rollback replaces had been taken back before."""
        back = self.same_call or frame >= self.first
        ahead = {each for each in self.shown if (each >= frame if back else each > self.first)}
        gone = [event for each in ahead for event in self.shown[each]]
        if ahead:
            self.next_frame = min(ahead)
        self.shown = {}
        return [*gone, number] if ahead and back else gone

    def left(self) -> list[int]:
        """Return what is still shown ahead of time in the end."""
        return [event for frame, events in self.shown.items() if frame > self.first for event in events]


def counted(events: Sequence[Event]) -> list[Event]:
    """Return the events without the frames that were taken back, and without the loads that took them back."""
    peers: dict[str, _Peer] = {}
    aside: set[int] = set()
    for event in events:
        aside.update(peers.setdefault(event.peer, _Peer()).see(event))
    for peer in peers.values():
        aside.update(peer.left())
    return [event for event in events if event.number not in aside]
