"""Mutants that no case tells from the reference, each with the reason.

The guards make every transition safe in any order of transitions; that is what the proofs are about, and searching any
order shows what each guard is for. The suite sees an implementation from outside, with a tick, a poll and a delivery as
its only ways in, and there some guards never have the last word. Searching random schedules for the guards below
(`python -m conformance.searched`) found nothing either; that is evidence, not proof.
"""

from __future__ import annotations

_REASONS: dict[str, tuple[str, ...]] = {
    "A tick is only begun, and its stages are only run, while the peer is running.": (
        "schedule_input.running",
        "begin_tick.running",
        "simulate_frame.running",
        "suspect_end.running",
    ),
    "The input of the frame was scheduled before the rollback began, in the same tick.": (
        "schedule_input.no_rollback_in_progress",
        "simulate_frame.local_input_is_scheduled",
        "send_inputs.has_inputs",
    ),
    "The counter of ticks has no effect but on inputs that are held back for a test.": (
        "begin_tick.no_rollback_in_progress",
    ),
    "Packets are opaque to the runner, and no peer of ours sends such a thing.": (
        "receive_input.frame_is_not_negative",
        "ignore_conflict.from_a_partner",
        "receive_end.end_is_plausible",
        "receive_ack.acknowledgement_is_possible",
        "receive_hash.hash_is_plausible",
    ),
    "What is already known is left out before the guard is asked.": ("ignore_conflict.input_conflicts",),
    "A message is only ever sent to partners, and links only ever lead to them.": (
        "send_inputs.from_a_partner",
        "resend_inputs.from_a_partner",
        "send_ack.from_a_partner",
        "announce_end.from_a_partner",
        "send_hash.from_a_partner",
        "lose_p2p.from_a_partner",
        "change_link.from_a_partner",
        "compare_hash.from_a_partner",
    ),
    "What comes back to its sender says what the sender knows: it changes nothing that counts.": (
        "receive_end.from_a_partner",
        "receive_hash.from_a_partner",
    ),
    "It would be queued, and then ignored as a duplicate or never be looked at.": (
        "receive_input.input_is_unknown",
        "receive_input.episode_is_open",
        "drain_input.episode_is_open",
    ),
    "Nothing is pending once the wait is over: a rollback that is due is executed before.": (
        "begin_rollback.episode_is_open",
        "force_promote_frame.no_rollback_pending",
        "succeed_wait.no_rollback_pending",
        "expire_wait.no_rollback_pending",
        "give_up_on_partners.no_rollback_pending",
        "complete_episode.no_rollback_pending",
        "suspect_end.no_rollback_pending",
    ),
    "While a rollback is in progress no input is drained, so no second one becomes pending.": (
        "begin_rollback.no_rollback_in_progress",
    ),
    "Another guard of the same transition, or of the one that must come before it, holds it back as well.": (
        "finish_rollback.rollback_in_progress",
        "confirm_frame.episode_is_open",
        "force_promote_frame.no_rollback_in_progress",
        "force_promote_frame.next_record_is_unconfirmed",
        "suspect_end.no_rollback_in_progress",
        "withdraw_end.syncing",
        "withdraw_end.no_rollback_in_progress",
        "withdraw_end.end_is_undecided",
        "decide_end.end_is_in_sight",
        "decide_end.no_rollback_in_progress",
        "decide_end.end_is_certain",
        "begin_wait.no_rollback_in_progress",
        "begin_wait.frames_below_termination_are_simulated",
        "give_up_on_partners.no_rollback_in_progress",
        "succeed_wait.no_rollback_in_progress",
        "succeed_wait.end_is_decided",
        "expire_wait.waiting",
        "expire_wait.no_rollback_in_progress",
        "complete_episode.no_rollback_in_progress",
        "complete_episode.rows_are_canonical",
        "export_episode.no_rollback_in_progress",
        "reset_episode.no_rollback_in_progress",
        "send_hash.own_hash_is_known",
    ),
    "A poll drains, rolls back, confirms and promotes as far as it goes before it looks at the end.": (
        "give_up_on_partners.queues_are_drained",
        "succeed_wait.queues_are_drained",
        "succeed_wait.nothing_left_to_confirm",
        "expire_wait.queues_are_drained",
        "expire_wait.nothing_left_to_confirm",
    ),
    "The termination frame is the minimum all the same, or what is known already is said again.": (
        "decide_end.end_is_undecided",
        "receive_end.episode_is_open",
        "receive_end.end_is_new",
        "announce_end.end_is_unacknowledged",
    ),
}


def unobservable() -> dict[str, str]:
    """Return the reason by mutant."""
    reasons = {f"without:{name}": reason for reason, names in _REASONS.items() for name in names}
    return {
        **reasons,
        "variant:complete_with_pending": "A poll executes the rollback before it looks at the end; with another order "
        "(`bug:completes_before_rollback`) it is seen.",
    }
