"""What is no log is refused in one line, and whatever a log holds is judged in bounded memory."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.conformance.logs.judge import judge
from rollproof.conformance.logs.known import Known
from rollproof.conformance.logs.reading import LONGEST_LINE, Log, LogError
from rollproof.conformance.logs.record import lines, recorded, recording
from rollproof.model.sessions.network import Faults
from rollproof.model.sessions.session import run as run_session
from rollproof.model.sessions.setup import Settings, Setup
from rollproof.reference.config import Config
from rollproof.reference.protocol import PROTOCOL
from tests.conformance import with_most_memory
from tests.conformance.test_check_log import ALL, HEADER, judged, log_of, only, opened

GOOD = '{"peer":"a","obs":{"obs":"input_local","frame":0,"input":1}}\n'
START = json.dumps(HEADER) + "\n"


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("", 0, "empty"),
        ("\n", 1, "not JSON"),
        ("[]\n", 1, "not a header"),
        ('{"log":2,"players":["a"]}\n', 1, "log"),
        ('{"log":1,"players":["a","a"]}\n', 1, "players"),
        (json.dumps({"log": 1, "players": [f"p{i}" for i in range(17)]}) + "\n", 1, "players"),
        ('{"log":1,"players":["a"],"peers":["z"]}\n', 1, "'z' is none of the players"),
        ('{"log":1,"players":["a"],"observes":["adv"]}\n', 1, "no observation 'adv'"),
        ('{"log":1,"players":["a"],"config":{"input_delay":-1}}\n', 1, "input_delay"),
        ('{"log":1,"players":["a"],"config":{"end_sum":5}}\n', 1, "end_sum"),
        (START + "\n", 2, "not JSON"),
        (START + "nonsense\n", 2, "not JSON"),
        (START + "\xff\xfe\n", 2, ""),
        (START + "[" * 200_000 + "\n", 2, "not JSON"),
        (START + '{"peer":"a","obs":{"obs":"input_local","frame":NaN,"input":1}}\n', 2, "NaN"),
        (START + '{"peer":"a","obs":{"obs":"input_local","frame":0.5,"input":1}}\n', 2, "0.5"),
        (START + '{"peer":"a","obs":{"obs":"input_local","frame":true,"input":1}}\n', 2, "frame"),
        (START + '{"peer":"a","obs":{"obs":"input_local","frame":"0","input":1}}\n', 2, "frame"),
        (START + '{"peer":"a","obs":{"obs":"input_local","frame":' + "9" * 5000 + ',"input":1}}\n', 2, ""),
        (START + '{"peer":"a","obs":{"obs":"teleport"}}\n', 2, "teleport"),
        (START + '{"peer":"a","obs":[]}\n', 2, "obs"),
        (START + '{"peer":"a","vars":{}}\n', 2, "vars"),
        (START + '{"peer":"a"}\n', 2, ""),
        (START + '{"peer":"a","obs":{"obs":"stall","frame":0},"vars":{"frame":0}}\n', 2, ""),
        (START + '{"peer":["a"],"obs":{"obs":"stall","frame":0}}\n', 2, "peer"),
        (START + '{"peer":"zoe","obs":{"obs":"stall","frame":0}}\n', 2, "'zoe'"),
        (START + '{"peer":"a","seq":3,"obs":{"obs":"stall","frame":0}}\n', 2, "line 0 of a"),
        (START + GOOD + '{"peer":"a","now":-5,"obs":{"obs":"stall","frame":0}}\n', 3, "now"),
        (START + GOOD[:-1] + " " * LONGEST_LINE + "\n", 2, "more than"),
        (START + GOOD + GOOD[:30], 3, "cut off"),
    ],
)
def test_what_is_no_log_is_refused_in_one_line(
    text: str, line: int, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(text.encode("latin-1"))
    assert run(["check-log", str(log)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"rollproof: {log}:{line}: " if line else f"rollproof: {log}: ")
    assert why in err
    assert len(err) < 400 + len(str(log))


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check-log", str(tmp_path / "none")]) == 2
    assert run(["check-log", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.fuzz
def test_a_spoilt_log_is_judged_or_refused_but_never_crashes() -> None:
    text = "".join(json.dumps(row) + "\n" for row in log_of("confirmation_timeout")[:400])
    chance = random.Random(0)
    outcomes = set()
    for _ in range(60):
        spoilt = text.splitlines(keepends=True)
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(1, len(spoilt))
            match chance.randrange(4):
                case 0:
                    del spoilt[at]
                case 1:
                    spoilt.insert(at, spoilt[chance.randrange(1, len(spoilt))])
                case 2:
                    spoilt[at] = spoilt[at].replace("1", "2")
                case 3:
                    spoilt[at] = spoilt[at][: chance.randrange(len(spoilt[at]))] + "\n"
        plain = "".join(spoilt) if chance.random() < 0.3 else "".join(map(without_seq, spoilt))
        try:
            report = judge(opened(plain), [Known("game", "a", ""), Known("frames_in_order", "a", "")])
            outcomes.add("holds" if report.failure is None else "diverges")
        except LogError:
            outcomes.add("refused")
    assert outcomes >= {"diverges", "refused"}


def without_seq(line: str) -> str:
    try:
        return json.dumps({k: v for k, v in json.loads(line).items() if k != "seq"}) + "\n"
    except ValueError:
        return line


# --- memory ---


def long_log(frames: int, peer: str = "a") -> Iterator[bytes]:
    """Write the log of one peer of a long session, all but the export."""
    setup = Setup(Settings(Config("a", ("a", "b"), max_steps=frames), limit_ms=10**9), p2p=Faults(latency_ms=50))
    result = run_session(recorded(setup), recording(PROTOCOL))
    rows = [json.loads(line) for line in lines(result)]
    return ((json.dumps(row) + "\n").encode() for row in only(rows, kinds=ALL - {"export"}, peers=(peer,)))


class Stream(BytesIO):
    """A file that is written while it is read."""

    def __init__(self, source: Iterator[bytes]) -> None:
        super().__init__()
        self.source = source

    def readline(self, size: int | None = -1, /) -> bytes:
        return next(self.source, b"")


def peak(frames: int) -> int:
    """Return the most memory that judging a log takes, in bytes."""
    written = list(long_log(frames))
    report, most = with_most_memory(lambda: judge(Log(Path("log"), Stream(iter(written)))))
    assert report.failure is None
    assert report.lines > 5 * frames
    return most


def test_memory_does_not_grow_with_the_log() -> None:
    peak(50)
    assert peak(1000) < 1.2 * peak(250)


def test_frames_that_are_never_confirmed_are_refused_before_they_fill_the_memory() -> None:
    header = {"log": 1, "players": ["a", "b"], "peers": ["a"], "observes": ["advance", "input_recv", "confirm"]}
    frames = ({"obs": "advance", "frame": frame, "inputs": [0, 0], "state": 0} for frame in range(10_100))
    rows = [header, *({"peer": "a", "obs": frame} for frame in frames)]
    assert judged(rows[:10_000]).failure is None
    with pytest.raises(LogError, match=r"log:100\d\d: .* frames of a are not confirmed"):
        judged(rows)
