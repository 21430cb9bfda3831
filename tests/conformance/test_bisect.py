"""`rollproof bisect`: the first frame at which peers differ, the cause, and never a wrong one as certain."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rollproof.cli import run
from rollproof.conformance.logs.bisect import Bisection, bisect
from rollproof.conformance.logs.causes import END, INPUTS, OPEN, RECORDING, TOO_EARLY, UNKNOWN
from rollproof.conformance.logs.reading import Log
from rollproof.conformance.logs.sources import of_logs
from tests.conformance import with_most_memory
from tests.conformance.injected import INJECTIONS, Injected, different_input, rows_of
from tests.conformance.test_check_log import ALL, log_of, only
from tests.conformance.test_log_comparison import advances, by, ended, exported, header, played, shifted_log, woven
from tests.conformance.test_log_limits import long_log

Json = Any
Rows = list[Json]
SEEDS = range(12)


def text_of(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def bisected(*logs: Rows) -> Bisection:
    return bisect(of_logs([Log(Path(f"log{i}"), BytesIO(text_of(rows))) for i, rows in enumerate(logs)]))


def apart(rows: Rows) -> list[Rows]:
    """Return a combined log as one log a peer."""
    return [only(rows, peers=(peer,)) for peer in rows[0]["players"]]


# --- injected bugs ---


@pytest.mark.slow
@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda each: each.__name__)
def test_the_class_and_the_frame_of_an_injected_bug_are_found(injection: Callable[[int], Injected]) -> None:
    wrong = 0
    for seed in SEEDS:
        injected = injection(seed)
        found = bisected(*(apart(injected.rows) if seed % 2 else [injected.rows]))
        assert found.cause is not None, seed
        right = (found.cause.kind, found.frame) == (injected.kind, injected.frame)
        assert right or not found.cause.certain, (seed, found.cause)
        assert not found.cause.left or injected.peer in found.cause.left, seed
        wrong += not right
    assert wrong <= len(SEEDS) // 20


def test_there_are_a_hundred_pairs_of_all_classes() -> None:
    assert len(INJECTIONS) * len(SEEDS) >= 100


@pytest.mark.slow
def test_less_told_is_less_certain_and_never_wrong() -> None:
    """Whatever is not recorded: no cause is certain that is not the one that was injected."""
    for seed in range(3):
        for injection in INJECTIONS:
            injected = injection(seed)
            for kinds in ({"advance"}, {"export"}, {"advance", "export"}, {"advance", "confirm"}, ALL - {"input_recv"}):
                found = bisected(only(injected.rows, kinds=frozenset(kinds))).cause
                assert found is None or not found.certain or found.kind == injected.kind, (
                    injection,
                    seed,
                    kinds,
                    found,
                )


def test_right_sessions_do_not_differ() -> None:
    for seed in range(3):
        rows = rows_of(seed, _protocol())
        for logs in ([rows], apart(rows)):
            found = bisected(*logs)
            assert (found.cause, found.differences, found.compared > 300) == (None, (), True)
    assert bisected(log_of("three_peers")).cause is None
    assert bisected(log_of("three_episodes_in_a_row")).cause is None


def _protocol() -> Any:
    from rollproof.reference.protocol import PROTOCOL

    return PROTOCOL


# --- little told ---


@pytest.mark.parametrize(
    ("kind", "cause"),
    [("timeline", INPUTS), ("with-end", INPUTS), ("with-export", INPUTS), ("exports-only", UNKNOWN)],
)
def test_of_a_shifted_peer_the_first_frame_is_found(kind: str, cause: str) -> None:
    found = bisected(shifted_log(kind, 0))
    assert found.cause is not None
    assert found.cause.certain is False
    assert found.cause.wanted
    assert found.frame is not None
    if kind == "with-export":
        assert found.cause.kind == cause


def test_a_prediction_is_not_called_a_difference() -> None:
    inputs = played()
    guessed = [[own, inputs[39][1]] for own, _ in inputs[40:]]
    log = [header("advance"), *by("a", *advances([*inputs[:40], *guessed])), *by("b", *advances(inputs))]
    found = bisected(log)
    assert found.cause is not None
    assert (found.cause.kind, found.cause.certain) == (OPEN, False)


def test_the_end_alone_differs() -> None:
    inputs = played()
    streams = (by(peer, *advances(inputs), ended(frames)) for peer, frames in (("a", 60), ("b", 58)))
    found = bisected([header("advance", "episode_end"), *woven(*streams)])
    assert found.cause is not None
    assert (found.cause.kind, found.cause.certain, found.frame) == (END, True, 58)


def test_a_row_that_was_never_simulated_is_a_wrong_recording() -> None:
    inputs = played()
    wrong = exported([*inputs[:9], [77, 77], *inputs[10:]])
    streams = (by(peer, *advances(inputs), export) for peer, export in (("a", exported(inputs)), ("b", wrong)))
    found = bisected([header("advance", "export"), *woven(*streams)])
    assert found.cause is not None
    assert (found.cause.kind, found.cause.left, found.frame) == (RECORDING, ("b",), 9)


# --- the command ---


def write(path: Path, rows: Rows) -> str:
    path.write_bytes(text_of(rows))
    return str(path)


def test_the_command_tells_in_words_and_side_by_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    injected = different_input(3)
    files = [write(tmp_path / f"{i}.log", rows) for i, rows in enumerate(apart(injected.rows))]
    out = tmp_path / "out.json"
    assert run(["bisect", *files, "--json", str(out)]) == 1
    text, told = capsys.readouterr().out, json.loads(out.read_text())
    assert f"The peers differ first at frame {injected.frame}: {INPUTS} (certain)." in text
    assert f"Left lockstep: {injected.peer}." in text
    assert f">{injected.frame} " in text
    assert all(f"{file}:" in text for file in files)
    assert (told["outcome"], told["frame"], told["cause"]["kind"]) == ("differ", injected.frame, INPUTS)
    assert len(told["frames"]) == 7


def test_one_log_and_the_schedule_of_its_session(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, schedule = str(tmp_path / "log"), str(tmp_path / "schedule")
    assert run(["simulate", "active_input_parity", "--save-log", log, "--save-schedule", schedule]) == 0
    assert run(["bisect", log, "--schedule", schedule]) == 0
    run(["simulate", "--schedule", schedule, "--variant", "phase_61", "--save-log", log])
    rows = [json.loads(line) for line in Path(log).read_text().splitlines()]
    alone = write(tmp_path / "a.log", only(rows, peers=("a",)))
    capsys.readouterr()
    assert run(["bisect", alone, "--schedule", schedule]) == 1
    text = capsys.readouterr().out
    assert f"{TOO_EARLY} (certain)" in text
    assert "Left lockstep: a." in text


def test_nothing_that_could_be_compared_is_not_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write(tmp_path / "log", [header("input_local"), *by("a", {"obs": "input_local", "frame": 0, "input": 1})])
    assert run(["bisect", log]) == 3
    assert "Nothing could be compared." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("logs", "why"),
    [
        ([], "give the logs"),
        ([[header("advance")], [header("advance")]], "no line but the header"),
        ([[header("advance"), *by("a", *advances(played()))]] * 2, "a's log as well"),
        (
            [
                [header("advance"), *by("a", *advances(played()))],
                [header("advance", players="bc"), *by("b", *advances(played()))],
            ],
            "players differ",
        ),
        (
            [
                [header("advance"), *by("a", *advances(played())), *by("b", *advances(played()))],
                [header("advance", players="ab"), *by("b", *advances(played()))],
            ],
            "a line of b in the log of a",
        ),
        ([[{"log": 1}]], "not a header"),
        ([[header("advance"), {"peer": "a", "obs": {"obs": "advance", "frame": 0}}]], "'inputs' is required"),
    ],
)
def test_what_cannot_be_bisected_is_refused_in_one_line(
    logs: list[Rows], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write(tmp_path / f"{i}.log", rows) for i, rows in enumerate(logs)]
    assert run(["bisect", *files]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert why in err
    if files:
        assert run(["bisect", *files, str(tmp_path / "none")]) == 2
        assert run(["bisect", files[0], "--schedule", files[0]]) == 2


# --- memory ---


def peak(frames: int) -> int:
    logs = [Log(Path(peer), BytesIO(b"".join(long_log(frames, peer)))) for peer in "ab"]
    found, most = with_most_memory(lambda: bisect(of_logs(logs)))
    assert found.cause is None
    assert found.lines > 10 * frames
    return most


def test_memory_does_not_grow_with_the_logs() -> None:
    peak(50)
    assert peak(640) < 1.2 * peak(240)
