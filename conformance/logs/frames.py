"""What all peers of a log tell, handed out frame by frame when it will not change any more.

A frame is handed out once for all peers, in order, with everything that each of them has told of it. What is unfinished
is remembered, and nothing else, so that the memory needed does not grow with the log.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from rollproof.conformance.logs.model import EVERY, MOST_OPEN
from rollproof.conformance.logs.reading import Header
from rollproof.conformance.logs.told import ALL, Episode, Teller, Told
from rollproof.conformance.schema import Json


@frozen
class Frame:
    """Everything that is told of one frame. Frame −1 stands for what was before the first one."""

    epoch: int
    number: int
    told: Mapping[str, Told]
    """By peer; those who tell nothing of it are absent."""
    episodes: Mapping[str, Episode]


class Consumer:
    """What is given to: each frame in order, then each episode."""

    def frame(self, frame: Frame) -> None:
        """Take a frame of which no more will be told."""

    def episode(self, epoch: int, episodes: Mapping[str, Episode]) -> None:
        """Take an episode of which no more will be told, after all of its frames."""


class Frames:
    """Hands out what several peers tell, one frame of all of them after the other."""

    def __init__(self, header: Header, consumer: Consumer) -> None:
        """Begin before frame 0 of the first episode."""
        self.consumer = consumer
        self.tellers = {peer: Teller(header, peer) for peer in header.peers}
        self.epoch = 0
        self.lines = 0

    def see(self, peer: str, obs: Json | None, told: Json | None, line: int) -> None:
        """Take in one line of a peer."""
        teller = self.tellers[peer]
        if obs is None:
            teller.see_variables(told or {}, line)
        else:
            teller.see(obs, line)
        self.lines += 1
        if self.lines % EVERY == 0 or teller.held > MOST_OPEN:
            self._hand_out()

    def finish(self) -> None:
        """Take note that no more lines come."""
        for teller in self.tellers.values():
            teller.now.done = True
        while self._is_begun():
            self._hand_out_up_to(ALL)
            self._close()

    def _is_begun(self) -> bool:
        return any(teller.now.number >= self.epoch for teller in self.tellers.values())

    def _hand_out(self) -> None:
        """Hand out whatever no more will be told of; and more, if peers are too far apart or nothing is ever final."""
        while self._is_begun():
            settled = min(teller.settled(self.epoch) for teller in self.tellers.values())
            self._hand_out_up_to(settled)
            if settled < ALL:
                break
            self._close()
        while any(teller.held > MOST_OPEN for teller in self.tellers.values()):
            if not self._hand_out_up_to(ALL, most=MOST_OPEN // 10):
                self._close()

    def _episodes(self) -> dict[str, Episode]:
        return {
            peer: episode
            for peer, teller in self.tellers.items()
            for episode in teller.open
            if episode.number == self.epoch
        }

    def _hand_out_up_to(self, settled: int, most: int = ALL) -> bool:
        episodes = self._episodes()
        numbers = sorted({number for each in episodes.values() for number in each.frames if number <= settled})[:most]
        for number in numbers:
            told = {peer: each.frames.pop(number) for peer, each in episodes.items() if number in each.frames}
            for peer in told:
                self.tellers[peer].held -= 1
            self.consumer.frame(Frame(self.epoch, number, told, episodes))
        for episode in episodes.values():
            episode.begun = max(episode.begun, numbers[-1] + 1) if numbers else episode.begun
        return bool(numbers)

    def _close(self) -> None:
        episodes = self._episodes()
        self.consumer.episode(self.epoch, episodes)
        for peer, episode in episodes.items():
            teller = self.tellers[peer]
            teller.held -= len(episode.frames)
            episode.frames.clear()
            episode.begun = ALL
            if episode is not teller.now:
                teller.open.remove(episode)
        self.epoch += 1
