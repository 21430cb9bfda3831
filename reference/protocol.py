"""The present protocol: every transition there is, and the order of operations in a tick."""

from __future__ import annotations

from rollproof.reference import buffers, desync, episode, inputs, rollback, transport
from rollproof.reference.transition import Protocol

PROTOCOL = Protocol.of(
    "present",
    (
        inputs.schedule_input,
        inputs.receive_input,
        inputs.reject_input,
        inputs.ignore_conflict,
        inputs.drain_input,
        rollback.begin_tick,
        rollback.simulate_frame,
        rollback.begin_rollback,
        rollback.replay_frame,
        rollback.finish_rollback,
        buffers.confirm_frame,
        buffers.promote_frame,
        buffers.force_promote_frame,
        episode.suspect_end,
        episode.withdraw_end,
        episode.decide_end,
        episode.receive_end,
        episode.begin_wait,
        episode.give_up_on_partners,
        episode.succeed_wait,
        episode.expire_wait,
        episode.complete_episode,
        episode.export_episode,
        episode.reset_episode,
        transport.send_inputs,
        transport.resend_inputs,
        transport.receive_ack,
        transport.send_ack,
        transport.announce_end,
        transport.send_hash,
        transport.lose_p2p,
        transport.change_link,
        desync.receive_hash,
        desync.compare_hash,
    ),
    tick=("begin", "drain", "schedule", "roll_back", "confirm", "promote", "simulate", "detect_end", "resend"),
    poll=("drain", "roll_back", "confirm", "promote", "end", "resend"),
)
"""The order of a tick is that of protocol section 7; the order of a poll is that of EP-5."""
