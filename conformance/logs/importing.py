"""Logs of other formats: an importer is a generator of our lines, and everything else follows from that.

An importer takes an open file, and yields JSON values: first a header, then one value for each line, as
`schemas/log.json` has them. What it yields is checked like any other log, line by line, so it may be careless about
everything but how much it reads at a time. It raises `InvalidError` for what it cannot read. To be found it is put in
`IMPORTERS`, under the ending of the files that it reads.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from rollproof.conformance.logs.reading import LONGEST_LINE, Log, LogError
from rollproof.conformance.schema import InvalidError, Json

Importer = Callable[[BinaryIO], Iterator[Json]]

INPUT = "input."
"""What the name of a column with a player's input begins with."""
FLAGS = {"": None, "0": False, "1": True, "false": False, "true": True}


class Imported(Log):
    """A log that an importer makes of a file of another format."""

    def __init__(self, path: Path, file: BinaryIO, importer: Importer) -> None:
        """Read the header.

        Raises:
            LogError: if there is none.
        """
        self._values = importer(file)
        super().__init__(path, file)

    def _next(self) -> Json | None:
        self._number += 1
        try:
            return next(self._values, None)
        except (InvalidError, OSError) as error:
            raise LogError(self.path, self._number, error) from None


def open_log(path: Path, file: BinaryIO) -> Log:
    """Return the log in a file: by the importer for its ending, or as lines of JSON.

    Raises:
        LogError: if it has no header.
    """
    importer = IMPORTERS.get(path.suffix.lower())
    return Log(path, file) if importer is None else Imported(path, file, importer)


# --- tables -----------------------------------------------------------------------------------------------------------


def from_csv(file: BinaryIO) -> Iterator[Json]:
    """Yield the lines of a table that has a row for each frame that a peer simulated, in the order of simulation.

    Its columns are `peer`, `frame`, and `input.NAME` for each player in player order; and, if they are known, `state`
    (a 32-bit checksum after the frame), `predicted` (0 or 1) and `now` (in microseconds).

    Raises:
        InvalidError: if it is no such table.
    """
    try:
        rows = csv.reader(_text(file), strict=True)
        columns = next(rows, [])
        players = [name.removeprefix(INPUT) for name in columns if name.startswith(INPUT)]
        known = {"peer", "frame", "state", "predicted", "now", *(INPUT + player for player in players)}
        if len(set(columns)) < len(columns) or not {"peer", "frame"} <= {*columns} <= known or not players:
            raise InvalidError(
                "the first row must name the columns peer, frame, input.NAME of each player, and no others"
            )
        yield {"log": 1, "players": players, "observes": ["advance"]}
        for row in rows:
            if len(row) != len(columns):
                raise InvalidError(f"a row of {len(row)} cells, in a table of {len(columns)} columns")
            yield _line(dict(zip(columns, row, strict=True)), players)
    except csv.Error as error:
        raise InvalidError(f"not a table: {error}") from None


def _text(file: BinaryIO) -> Iterator[str]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise InvalidError(f"a line of more than {LONGEST_LINE} bytes")
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise InvalidError(f"not UTF-8 at byte {error.start}") from None


def _line(cells: dict[str, str], players: list[str]) -> Json:
    observation = {
        "obs": "advance",
        "frame": _whole(cells, "frame"),
        "inputs": [_whole(cells, INPUT + player) for player in players],
        "state": _whole(cells, "state") if cells.get("state") else 0,
    }
    flag = cells.get("predicted", "")
    if flag.lower() not in FLAGS:
        raise InvalidError(f"predicted must be 0 or 1, not {flag[:40]!r}")
    predicted = FLAGS[flag.lower()]
    if predicted is not None:
        observation["predicted"] = predicted
    now = {"now": _whole(cells, "now")} if cells.get("now") else {}
    return {"peer": cells["peer"], **now, "obs": observation}


def _whole(cells: dict[str, str], name: str) -> int:
    text = cells[name]
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidError(f"{name} must be a whole number, not {text[:40]!r}")
    return int(text)


IMPORTERS: dict[str, Importer] = {".csv": from_csv}
"""By the ending of a file's name."""
