"""What an implementation says of itself: its capabilities, and which of several right answers it gives.

What is not declared is judged strictly: the first value of each choice is that of who says nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

CAPABILITIES: Mapping[str, str] = {
    "core": "It predicts, rolls back, and all peers agree once everything has arrived.",
    "delay": "The setting `input_delay`: the input of call n is that of frame n + delay, and frames below it have 0.",
    "window": "The setting `prediction_window`: no frame is simulated with frame − confirmed > window.",
    "retransmit": "Packets may be lost: what is missing is sent again until it has arrived.",
    "n-player": "Sessions of three and four players, each a process.",
    "relay": "Requests `link` are understood: while a way is not up, packets leave with `via` relay.",
    "promote": "Records of frames become final, and that is told (`promote`, level 2).",
    "episode-end": "`max_steps` and `end_sum` end an episode at the same frame everywhere; the commands `export` and "
    "`next_episode`.",
    "input-confirmation": "An episode is over only when all its inputs are confirmed, or a deadline has passed.",
    "metrics": "Counters are told as `metric` with an export.",
    "desync": "Peers compare hashes of their games, and a difference is told as a `violation` of kind desync.",
    "sparse": "The state is saved every few frames only, so a rollback loads the nearest saved one before the wrong "
    "frame, and replays some frames that were right.",
    "interleave": "Work that waits in its middle is shown as `waiting`, and goes on with `resume`.",
    "transitions": "The requests `step` for single transitions: for ports of the reference.",
    "sessions": "Packets carry the `session` of `reset`, and those of another session are refused.",
    "pause": "The commands `pause` and `go_on`: in between, the peer simulates no new frame.",
    "delay-change": "The command `input_delay`: from then on the delay is another one.",
}
"""What a case may need, and what it promises to be able to do."""


@frozen
class Choice:
    """Something that can be done in several right ways."""

    name: str
    values: Mapping[str, str]
    """By value, what it means; the first is that of who declares none."""

    @property
    def default(self) -> str:
        """The value of who declares none."""
        return next(iter(self.values))


CHOICES: Mapping[str, Choice] = {
    each.name: each
    for each in (
        Choice(
            "rollback_on",
            {
                "mispredict": "A rollback corrects a frame that was simulated with a wrong input.",
                "late": "Every input that comes after its frame causes a rollback, right or wrong.",
            },
        ),
        Choice(
            "compare",
            {
                "at_once": "An input that proves a frame wrong is corrected before the next frame, wherever it lies.",
                "contiguous": "Inputs beyond a gap are compared when the gap closes, and corrected then.",
            },
        ),
        Choice(
            "prediction",
            {
                "previous": "An unknown input is predicted to be the last known one before it.",
                "default": "An unknown input is predicted to be 0.",
            },
        ),
        Choice(
            "initial_inputs",
            {
                "default": "Frames below the input delay have the input 0.",
                "sampled": "Frames below the input delay have the first input that was sampled.",
            },
        ),
        Choice(
            "confirmed_scope",
            {
                "local": "A frame is confirmed when its inputs are known here.",
                "mesh": "A frame is confirmed when its inputs are known everywhere, which may be later.",
            },
        ),
        Choice(
            "transport_needs",
            {
                "datagram": "Packets may be lost, doubled and overtaken.",
                "reliable-ordered": "Nothing is lost, doubled or overtaken.",
                "reliable-control": "Packets of class input may be lost, doubled and overtaken, others may not.",
            },
        ),
        Choice(
            "run_ahead",
            {
                "no": "Every frame that is simulated counts.",
                "shown": "After each call some frames are simulated ahead of time, and taken back by a load of the "
                "present frame, in the same answer or at the beginning of the next call.",
            },
        ),
        Choice(
            "time_sync",
            {
                "no": "A peer simulates with every call until the window is full.",
                "waits": "A peer that is ahead of a partner skips calls, so that the partner catches up.",
            },
        ),
        Choice(
            "skipped_presses",
            {
                "dropped": "Of several calls for one frame, the input of one is that of the frame.",
                "kept": "The inputs of skipped calls are kept: the next frame's input is all of them, by bitwise or.",
            },
        ),
        Choice(
            "input_delay",
            {
                "fixed": "The input delay is the setting's, or that of the last command `input_delay`.",
                "changing": "The implementation changes the delay by itself: inputs stay in order, some are repeated "
                "or left out.",
            },
        ),
        Choice(
            "pause",
            {
                "own": "Who pauses stops alone; the others go on until their window is full.",
                "agreed": "Who pauses stops everybody.",
                "caught-up": "Who pauses stops alone, and simulates what it has missed in one call afterwards, with 0 "
                "as its own input.",
            },
        ),
        Choice(
            "silent_partner",
            {
                "waits": "A silent partner's inputs are waited for.",
                "default": "After half a second of silence a partner's inputs are 0, and the others go on.",
            },
        ),
        Choice(
            "resync",
            {
                "no": "A state comes from simulation alone.",
                "state": "After a `violation` of kind desync a partner's state is loaded.",
            },
        ),
    )
}
"""The choices, by name."""
