"""Logs of other formats: what an importer yields is a log, and what it cannot read is refused in one line."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from rollproof.cli import run
from rollproof.conformance.logs.importing import IMPORTERS, from_csv, open_log
from rollproof.conformance.logs.reading import LONGEST_LINE

HEAD = "peer,frame,input.a,input.b,state,predicted\n"


def table(peer: str, inputs: list[tuple[int, int]]) -> str:
    return HEAD + "".join(f"{peer},{frame},{a},{b},{frame * 7},0\n" for frame, (a, b) in enumerate(inputs))


RIGHT = [(1, 2), (1, 2), (3, 2), (3, 4)]


def test_a_table_is_a_log() -> None:
    log = open_log(Path("x.csv"), BytesIO(table("a", RIGHT).encode()))
    assert log.header.players == ("a", "b")
    lines = list(log)
    assert [line.obs["inputs"] for line in lines if line.obs is not None] == [[1, 2], [1, 2], [3, 2], [3, 4]]
    assert {line.peer for line in lines} == {"a"}
    assert IMPORTERS[".csv"] is from_csv


def test_tables_of_two_peers_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    files[0].write_text(table("a", RIGHT))
    files[1].write_text(table("b", RIGHT))
    names = [str(file) for file in files]
    assert run(["bisect", *names]) == 0
    files[1].write_text(table("b", [*RIGHT[:2], (3, 3), (3, 4)]))
    capsys.readouterr()
    assert run(["bisect", *names]) == 1
    assert "The peers differ first at frame 2" in capsys.readouterr().out
    files[0].write_text(files[0].read_text() + files[1].read_text().removeprefix(HEAD))
    assert run(["check-log", names[0]]) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the first row must name"),
        ("peer,frame\n", "the first row must name"),
        ("peer,frame,input.a,colour\n", "the first row must name"),
        ("peer,frame,input.a,input.a\n", "the first row must name"),
        (HEAD + "a,1,2\n", "a row of 3 cells"),
        (HEAD + "a,1.5,2,3,4,0\n", "frame must be a whole number"),
        (HEAD + "a,0,2,nan,4,0\n", "input.b must be a whole number"),
        (HEAD + "a,0,2,3,4,perhaps\n", "predicted must be 0 or 1"),
        (HEAD + "a,0,2,999,4,0\n", "inputs"),
        (HEAD + "zoe,0,2,3,4,0\n", "no peer 'zoe'"),
        (HEAD + f"a,{'9' * 5000},2,3,4,0\n", "frame must be a whole number"),
        (HEAD + "a" * (LONGEST_LINE + 5) + "\n", "a line of more than"),
        (HEAD + '"a\n', "not a table"),
        (HEAD + "\xff\xfe\x00\n", "not UTF-8"),
        (HEAD + "a\x00,0,2,3,4,0\n", ""),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(
    text: str, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(text.encode("latin-1"))
    for command in ("check-log", "bisect"):
        assert run([command, str(file)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert why in err
        assert len(err) < 500 + len(str(file))
