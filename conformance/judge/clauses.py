"""The clauses by which the model judges what a peer reports, besides the guards of the reference."""

from __future__ import annotations

from attrs import frozen

from rollproof.conformance.judge.failure import DivergenceError
from rollproof.reference.episode import reset_episode
from rollproof.reference.inputs import schedule_input
from rollproof.reference.rollback import begin_rollback
from rollproof.reference.state import Peer


@frozen
class Clause:
    """What must hold, in English, and the rules that demand it."""

    sentence: str
    rules: tuple[str, ...]


MODEL = {
    "variables": Clause("A variable is what the observations say.", ("BUF-2",)),
    "schedule_input": Clause(schedule_input.sentence, schedule_input.rules),
    "mispredict": Clause("Every misprediction is told, with both values, and nothing else is.", ("RB-1", "RB-8")),
    "begin_rollback": Clause(begin_rollback.sentence, ("RB-1", "RB-4")),
    "saved": Clause("What is saved or loaded is a state that was reached.", ("RB-4",)),
    "finish_rollback": Clause("A rollback ends before the frame at which it began.", ("RB-5",)),
    "frames_in_order": Clause("Frames are simulated one after the other.", ("RB-5", "BUF-7")),
    "joint_action": Clause("Every player has an action in every frame.", ("BUF-2",)),
    "known_inputs_are_used": Clause("A frame is simulated with the inputs that are known.", ("RB-5", "IN-3")),
    "prediction": Clause("An unknown input is predicted from the known ones alone.", ("IN-6",)),
    "predicted": Clause("Whether a frame was predicted is told as it is.", ("BUF-8", "RB-5")),
    "resimulated": Clause("Whether a frame was resimulated is told as it is.", ("BUF-8", "RB-5")),
    "confirmed_does_not_go_back": Clause("A confirmed frame stays confirmed.", ("BUF-2", "RB-4")),
    "promoted_in_order": Clause("Records are promoted one after the other.", ("BUF-3", "BUF-7")),
    "rows_are_gapless": Clause("Rows are exported in frame order, from 0 to termination − 1.", ("EP-10",)),
    "rows_are_canonical": Clause("Export reads the canonical buffer only.", ("EP-10", "BUF-7")),
    "row_inputs": Clause("An exported row is the canonical record.", ("EP-10", "BUF-6", "RB-4")),
    "row_state": Clause("An exported row is the canonical record.", ("EP-10", "BUF-6", "RB-4")),
    "row_returns": Clause("An exported row is the canonical record.", ("EP-10", "BUF-6", "RB-4")),
    "row_unconfirmed": Clause("An exported row is flagged as its record is.", ("BUF-8", "EP-8")),
    "epoch": Clause(reset_episode.sentence, ("EP-11", "IN-11")),
    "metrics_match_events": Clause("Metrics say what happened.", ("ME-1", "ME-2")),
}
ANSWERS = {"answers": Clause("The implementation survives whatever arrives, and answers.", ("EP-7", "IN-7"))}
"""The clause of whoever crashes, or does not answer."""


def diverges(name: str, frame: int | None, expected: str, actual: str) -> DivergenceError:
    """Return the failure of a clause of the model."""
    clause = MODEL[name]
    return DivergenceError(name, clause.sentence, clause.rules, frame, expected, actual)


def went_wrong(guard: str, model: Peer, seen: str) -> str:
    """Return in words what went wrong where a guard of the reference refuses what was seen."""
    because = _because(guard, model)
    return f"{because}, and {seen} all the same" if because else seen


def _because(guard: str, model: Peer) -> str:
    pending, cursor, confirmed = model.rollback.pending, model.rollback.cursor, model.confirmed
    match guard:
        case "no_rollback_pending" if pending is not None:
            return f"the input of frame {pending} arrived, differs from the prediction and was not corrected"
        case "no_rollback_in_progress" if cursor is not None:
            return f"a rollback had replayed the frames below {cursor}, not those from there to {model.frame - 1}"
        case "within_prediction_window":
            return f"frames were confirmed up to {confirmed}, and the window is {model.config.prediction_window}"
        case "next_frame_is_complete":
            known = model.inputs.known
            missing = [each for each in model.config.players if known.get(each, confirmed + 1) is None]
            return f"the input of frame {confirmed + 1} had not arrived from {' and '.join(missing)}"
        case "next_record_is_confirmed":
            return f"frames were confirmed up to {confirmed}"
        case _:
            return ""
