"""The classes of bug that real implementations had, by the numbers that cases cite in `bugs`."""

from __future__ import annotations

CLASSES = {
    1: "data of a predicted frame treated as final",
    2: "confirmed or promoted while a rollback is due or half done",
    3: "confirmation unstable with three peers",
    4: "the confirmed frame jumps a gap",
    5: "confirmed by fiat",
    6: "exported history rewritten",
    7: "correction dropped while stalled",
    8: "pending rollback lost",
    9: "input stored unchecked in a replay",
    10: "departed player's mispredictions never checked",
    11: "only part replayed",
    12: "rollback to frame 0, to the last frame, out of the ring",
    13: "rollback while paused",
    14: "input discarded too early",
    15: "no retransmission",
    16: "a lost ack pins the sender",
    17: "duplicate or reordered packet crashes",
    18: "two values for one input",
    19: "meaning of the first frames under input delay",
    20: "one-sided timeout that nobody reports",
    21: "state leaks into the next episode",
    22: "a detector that compares nothing",
    23: "side effects of speculation not undone",
    24: "observing changes behaviour",
    25: "window off by one",
    26: "rollback on every late input",
}
"""By number: what goes wrong."""
