"""Earlier revisions of the protocol, and single mistakes: every one of them must be refuted.

The revisions are made of the mistakes, as far as they made them (protocol rules marked "as-written").
"""

from __future__ import annotations

from rollproof.model.variants import mistakes as m
from rollproof.model.variants.edits import Edit, Variant, acting, ordered, unguarded, variant
from rollproof.reference.buffers import confirm_frame, force_promote_frame, promote_frame
from rollproof.reference.episode import complete_episode, expire_wait, give_up_on_partners, succeed_wait, suspect_end
from rollproof.reference.guards import no_rollback_in_progress, no_rollback_pending
from rollproof.reference.rollback import begin_rollback

PHASE_73: tuple[Edit, ...] = (
    *m.STALE_CLEAR,
    *m.REDUNDANCY_ONLY,
    *m.UNTAGGED_INPUTS,
    *m.END_ON_PREDICTED_STATE,
    *m.WAIT_CHECKS_TARGET_ONLY,
    *m.COMPLETE_WITH_PENDING,
    *m.SYNC_TIMEOUT_BYPASSES_WAIT,
)
"""The four guards are there; what only the later rules mend is not."""

PHASE_61: tuple[Edit, ...] = (
    *m.STALE_CLEAR,
    *m.REDUNDANCY_ONLY,
    *m.UNTAGGED_INPUTS,
    *m.END_ON_PREDICTED_STATE,
    *m.WAIT_CHECKS_TARGET_ONLY,
    *m.SYNC_TIMEOUT_BYPASSES_WAIT,
    unguarded(promote_frame, no_rollback_pending, no_rollback_in_progress),
    unguarded(force_promote_frame, no_rollback_pending, no_rollback_in_progress),
    unguarded(confirm_frame, no_rollback_in_progress),
    unguarded(succeed_wait, no_rollback_pending),
    unguarded(expire_wait, no_rollback_pending),
    unguarded(give_up_on_partners, no_rollback_pending),
    unguarded(complete_episode, no_rollback_pending),
    acting(promote_frame, m.promote_and_keep_snapshot),
    acting(begin_rollback, m.leave_canonical_alone),
    ordered(
        tick=("begin", "drain", "schedule", "confirm", "promote", "roll_back", "simulate", "detect_end", "resend"),
        poll=("drain", "confirm", "promote", "end", "resend"),
    ),
)
"""A rollback that is due holds nothing back, and the wait does not execute it."""

PHASE_36: tuple[Edit, ...] = (
    *PHASE_61,
    acting(suspect_end, m.complete_at_once),
    acting(force_promote_frame, m.promote_unflagged),
)
"""There is no confirmation wait."""

_ALL = (
    variant(
        "phase_36",
        "Two buffers, but an episode completes as soon as its end is simulated, and a due rollback holds nothing back.",
        ("BUF-4", "BUF-5", "EP-1", "EP-3", "EP-8", "IN-9", "IN-11", "RB-2"),
        ("canonical_is_lockstep", "never_promote_during_rollback"),
        *PHASE_36,
    ),
    variant(
        "phase_61",
        "A confirmation wait, but records are confirmed and promoted while a rollback is due, and never corrected.",
        ("BUF-4", "BUF-5", "EP-1", "EP-5", "EP-6", "EP-8", "EP-9", "IN-9", "IN-11", "RB-2", "RB-3"),
        ("canonical_is_lockstep", "never_promote_during_rollback"),
        *PHASE_61,
    ),
    variant(
        "phase_73",
        "Four guards keep promotion and rollback apart, but inputs, ends and episodes are handled as before.",
        ("EP-1", "EP-6", "EP-8", "EP-9", "IN-9", "IN-11", "RB-2"),
        ("pending_rollback_is_never_dropped", "termination_is_lockstep"),
        *PHASE_73,
    ),
    variant(
        "stale_clear",
        "The pending rollback is cleared at the start of every tick.",
        ("RB-2",),
        ("pending_rollback_is_never_dropped", "every_misprediction_is_covered"),
        *m.STALE_CLEAR,
    ),
    variant(
        "redundancy_only",
        "No input is ever sent again: a packet carries the inputs before the newest, and that is all.",
        ("IN-9",),
        ("what_is_unacknowledged_is_sent_again",),
        *m.REDUNDANCY_ONLY,
    ),
    variant(
        "fast_forward_invents_inputs",
        "A peer that was paused catches up with default inputs for itself and confirms those frames by fiat.",
        ("IN-10", "BUF-2"),
        ("one_value_per_player_and_frame", "inputs_are_immutable", "confirmed_prefix_has_no_holes"),
        *m.FAST_FORWARD_INVENTS_INPUTS,
    ),
    variant(
        "untagged_inputs",
        "Inputs do not carry their episode, so late ones of an episode become inputs of the next.",
        ("IN-11",),
        ("nothing_crosses_an_episode",),
        *m.UNTAGGED_INPUTS,
    ),
    variant(
        "session_unchecked",
        "Messages are not asked for their session, so late ones of an earlier game of the same players are believed.",
        ("IN-11", "TR-3"),
        ("nothing_crosses_an_episode",),
        *m.SESSION_UNCHECKED,
    ),
    variant(
        "store_unchecked_in_replay",
        "Inputs are also drained during a replay, and then stored without comparing them to what was replayed.",
        ("RB-6", "IN-2"),
        ("every_misprediction_is_covered", "nothing_acts_during_rollback"),
        *m.STORE_UNCHECKED_IN_REPLAY,
    ),
    variant(
        "export_during_rollback",
        "At the deadline of the wait the episode completes and is exported in the middle of a replay.",
        ("RB-7", "EP-10"),
        ("nothing_acts_during_rollback", "export_is_canonical_gapless_once"),
        *m.EXPORT_DURING_ROLLBACK,
    ),
    variant(
        "wait_interleaves_with_tick",
        "While a replay awaits its engine, ticks and polls go on.",
        ("RB-7", "RB-5", "BUF-4", "BUF-5"),
        ("nothing_acts_during_rollback",),
        *m.WAIT_INTERLEAVES_WITH_TICK,
    ),
    variant(
        "end_on_predicted_state",
        "A peer decides its end as soon as it simulates it, on predicted inputs.",
        ("EP-1", "EP-12"),
        ("termination_is_lockstep", "announcements_are_true"),
        *m.END_ON_PREDICTED_STATE,
    ),
    variant(
        "wait_checks_target_only",
        "The wait succeeds when the target frame has all inputs, although there may be holes below it.",
        ("EP-6",),
        ("wait_succeeds_only_when_confirmed",),
        *m.WAIT_CHECKS_TARGET_ONLY,
    ),
    variant(
        "complete_with_pending",
        "A rollback that is due when the episode completes is not executed before the records are promoted.",
        ("EP-8", "BUF-4"),
        ("never_promote_during_rollback", "export_is_canonical_gapless_once"),
        *m.COMPLETE_WITH_PENDING,
    ),
    variant(
        "sync_timeout_bypasses_wait",
        "When a partner's end does not arrive, the episode completes without the wait, and without saying so.",
        ("EP-9",),
        ("wait_succeeds_only_when_confirmed",),
        *m.SYNC_TIMEOUT_BYPASSES_WAIT,
    ),
    variant(
        "counters_not_restored",
        "A rollback restores the world, but not the cumulative rewards that were derived from it.",
        ("RB-4",),
        ("canonical_is_lockstep",),
        *m.COUNTERS_NOT_RESTORED,
    ),
    variant(
        "latest_misprediction_wins",
        "A misprediction replaces an earlier one that is still pending.",
        ("RB-1", "RB-2"),
        ("pending_rollback_is_never_dropped", "every_misprediction_is_covered"),
        *m.LATEST_MISPREDICTION_WINS,
    ),
    variant(
        "partial_replay",
        "A rollback is over before the replay has reached the current frame.",
        ("RB-5",),
        ("buffers_are_disjoint_and_gapless",),
        *m.PARTIAL_REPLAY,
    ),
    variant(
        "confirmed_jumps_gap",
        "The confirmed frame advances over frames of which an input is missing.",
        ("BUF-2",),
        ("confirmed_prefix_has_no_holes",),
        *m.CONFIRMED_JUMPS_GAP,
    ),
    variant(
        "window_off_by_one",
        "One frame more than the prediction window is simulated beyond the confirmed one.",
        ("IN-8",),
        ("window_is_enforced",),
        *m.WINDOW_OFF_BY_ONE,
    ),
    variant(
        "queue_lost_in_rollback",
        "Beginning a rollback empties the input queues.",
        ("IN-2",),
        ("no_input_is_lost",),
        *m.QUEUE_LOST_IN_ROLLBACK,
    ),
    variant(
        "inputs_survive_reset",
        "The inputs of an episode are still known in the next.",
        ("EP-11", "IN-11"),
        ("nothing_crosses_an_episode",),
        *m.INPUTS_SURVIVE_RESET,
    ),
    variant(
        "forced_rows_unflagged",
        "A record that is promoted by force looks like a confirmed one.",
        ("EP-8", "BUF-8"),
        ("forced_rows_are_flagged",),
        *m.FORCED_ROWS_UNFLAGGED,
    ),
    variant(
        "both_paths",
        "Inputs go out on the relay besides the peer-to-peer path, to be on the safe side.",
        ("TR-2",),
        ("one_path_per_input", "relay_only_as_fallback"),
        *m.BOTH_PATHS,
    ),
    variant(
        "depth_of_last_rollback",
        "The greatest depth is that of the last rollback.",
        ("ME-2",),
        ("metrics_match_events",),
        *m.DEPTH_OF_LAST_ROLLBACK,
    ),
)

INAPPLICABLE: dict[str, str] = {each.name: each.lacks for each in _ALL if each.lacks is not None}
"""What the present protocol lacks, by the variant that it therefore has none of."""
VARIANTS: dict[str, Variant] = {each.name: each for each in _ALL if each.lacks is None}
"""By name: the revisions first, the oldest of them first."""
