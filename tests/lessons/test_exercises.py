"""Every exercise: a right answer passes, and three typical wrong ones are told what is wrong with them."""

from __future__ import annotations

import pytest

from rollproof.lessons.chapters.book import CHAPTERS, EXERCISES
from rollproof.lessons.laboratory.edits import source_of

TICKED = "schedule_input\nsimulate_frame\n"
RACE = "schedule_input action=1\nreceive_input frame=0 action=1\nsimulate_frame\ndrain_input\n"
BUFFERS = source_of("buffers")
HELD_BACK = BUFFERS.replace(
    "return peer.buffers.promoted <= peer.confirmed", "return peer.buffers.promoted <= peer.confirmed - 1"
)
ALL = "confirmed < frame and confirmed <= complete and promoted <= confirmed + 1"

RIGHT = {
    "1": "5",
    "2": RACE + "begin_rollback\nreplay_frame\nfinish_rollback  # and so it is over",
    "3": "schedule_input\nsimulate_frame\nschedule_input\nreceive_input frame=1\ndrain_input\nsimulate_frame",
    "4": "schedule_input action=1\nreceive_input frame=0 action=0\ndrain_input\nsimulate_frame\nschedule_input\n"
    "simulate_frame\nconfirm_frame\npromote_frame",
    "5.1": RACE + "confirm_frame\npromote_frame",
    "5.2": BUFFERS,
    "6": " Finish_rollback.replay_is_complete ",
    "7": "8, 9 10",
    "8": TICKED + "suspect_end\ngive_up_on_partners\nexpire_wait\nforce_promote_frame\ncomplete_episode",
    "9": "receive_input player=b epoch=1",
    "10": "b 18",
    "11": "(pending is None or promoted <= pending) and promoted <= confirmed + 1 and confirmed <= complete",
    "12": ALL,
    "13": "B 28",
}

WRONG = {
    "1": [("0", "100 ms"), ("4", "One is missing"), ("twelve", "not what the picture shows")],
    "2": [
        (RACE + "begin_rollback\nfinish_rollback", "refused by replay_is_complete"),
        (RACE, "A rollback is due"),
        ("schedule_input\nreceive_input frame=0 action=0\nsimulate_frame\ndrain_input", "Nothing was mispredicted"),
        ("schedule_input\nreceive_input frame=0 action=1\nsimulate_frame", "nobody has looked at it"),
    ],
    "3": [
        (TICKED, "Both frames must be simulated"),
        (TICKED + TICKED, "b's input of frame 1 is not known"),
        (
            TICKED + TICKED + "receive_input frame=0 action=0\ndrain_input\nconfirm_frame\nreceive_input frame=1\n"
            "drain_input",
            "there is no hole",
        ),
    ],
    "4": [
        (TICKED, "Frame 0 is not canonical"),
        (TICKED + "confirm_frame", "refused by next_frame_is_complete"),
        (
            "schedule_input\nreceive_input frame=0 action=0\ndrain_input\nsimulate_frame\nconfirm_frame\npromote_frame",
            "not in the speculative buffer",
        ),
    ],
    "5.1": [
        (RACE, "nothing is violated yet"),
        (RACE.replace("drain_input\n", "") + "confirm_frame", "refused by next_frame_is_complete"),
        ("receive_input frame=5", "Possible here: player=b epoch=0 path=p2p frame=0"),
        ("begin_tick\n" + RACE + "confirm_frame\npromote_frame", "6 are enough"),
        ("promote_frames", "there is no transition 'promote_frames'"),
        ("receive_input colour=red", "is no argument of receive_input"),
    ],
    "5.2": [
        (
            BUFFERS.replace("no_rollback_pending, no_rollback_in_progress)", "no_rollback_in_progress)"),
            "still goes wrong",
        ),
        (
            BUFFERS.replace(
                "guards=(next_record_is_confirmed, no_rollback_pending",
                "guards=(next_record_is_unconfirmed, no_rollback_pending",
            ),
            "next_record_is_unconfirmed",
        ),
        (BUFFERS + "\nimport os\n", "only `from ... import ...`"),
        (BUFFERS.replace("return peer.buffers.promoted <= peer.confirmed", "return False"), "nothing happens"),
        (HELD_BACK, "held back"),
    ],
    "6": [
        ("replay_is_complete", "Did you mean one of finish_rollback.replay_is_complete"),
        ("promote_frame.no_rollback_pending", "promote_frame is not taken"),
        ("finish_rollback.rollback_in_progress", "makes no difference there"),
        ("drain_input.input_is_due", "would have taken it as well"),
    ],
    "7": [
        ("8 9", "confirmed all the same"),
        ("8 10 12", "confirmed all the same"),
        ("1 2 3 4", "3 are enough"),
        ("28", "too late"),
        ("eight", "'eight' is no frame"),
    ],
    "8": [
        (TICKED, "the peer is running"),
        (TICKED + "suspect_end\nexpire_wait", "refused by"),
        (TICKED + "suspect_end\ngive_up_on_partners\nexpire_wait\ncomplete_episode", "refused by"),
    ],
    "9": [
        ("receive_input player=b epoch=0", "nothing is violated"),
        ("receive_input player=b epoch=7", "cannot happen like this"),
        ("simulate_frame", "refused by local_input_is_scheduled"),
    ],
    "10": [("a 18", "two against one"), ("b 3", "later than that"), ("b 20", "earlier"), ("b", "Answer with a peer")],
    "11": [
        ("pending is None or promoted <= pending", "A counterexample to induction"),
        ("promoted >= 0", "does not imply"),
        ("promoted == 0", "not even true"),
        ("promoted <= pending", "compares None with a number"),
        ("__import__('os')", "cannot be called"),
    ],
    "12": [
        ("True", "0 of 3"),
        ("confirmed < promoted", "It is no invariant"),
        ("confirmed < frame", "of 3 wrong protocols"),
        ("frame ** 9", "has no"),
        ("(lambda: 1)()", "has no Call"),
    ],
    "13": [("A 28", "up to the end"), ("B 3", "The right peer"), ("28", "Answer with a peer")],
}


def test_every_exercise_has_a_right_and_three_wrong_answers() -> None:
    assert set(RIGHT) == set(WRONG) == set(EXERCISES)
    assert all(len(each) >= 3 for each in WRONG.values())


@pytest.mark.parametrize("number", EXERCISES)
def test_a_right_answer_passes(number: str) -> None:
    outcome = EXERCISES[number].attempt(RIGHT[number])
    assert outcome.passed, outcome.told


@pytest.mark.parametrize(("number", "text", "told"), [(n, *each) for n, some in WRONG.items() for each in some])
def test_a_wrong_answer_is_told_why(number: str, text: str, told: str) -> None:
    outcome = EXERCISES[number].attempt(text)
    assert not outcome.passed
    assert told in outcome.told


@pytest.mark.parametrize("number", EXERCISES)
def test_what_an_attempt_begins_with_does_not_pass(number: str) -> None:
    exercise = EXERCISES[number]
    assert not exercise.attempt(exercise.start()).passed
    assert not exercise.attempt("x" * 70_000).passed
    assert not exercise.attempt("\x00").passed


@pytest.mark.parametrize("number", EXERCISES)
def test_nobody_is_told_the_answer(number: str) -> None:
    exercise = EXERCISES[number]
    said = " ".join([exercise.task, exercise.hint, *(exercise.attempt(text).told for text, _ in WRONG[number])])
    if exercise.kind == "answer" and number != "6":
        assert f" {RIGHT[number].strip()} " not in said


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda each: each.name)
def test_every_chapter_has_a_text_and_a_picture(chapter) -> None:
    assert chapter.text.startswith(f"# {chapter.title}\n")
    assert len(chapter.text.split()) > 120
    assert "**Try it.**" in chapter.text
    runs = chapter.picture()
    assert 1 <= len(runs) <= 2
    assert all(run.moments for run in runs)
