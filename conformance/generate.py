"""Writes the written cases into `cases/`: `python -m conformance.generate` (`--check` only compares)."""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.authored import core, diagnostics, episode, interleaving, recording, transport
from conformance.cases import CASES, Case, dump, parse_case
from conformance.files import write_text


def written_cases() -> list[Case]:
    """Return every written case, checked.

    Raises:
        InvalidError: if one does not fit the schema.
    """
    modules = (core, transport, recording, interleaving, episode, diagnostics)
    made = [Case(json) for module in modules for json in module.cases()]
    return [parse_case(dump(case), case.id) for case in made]


def path_of(case: Case) -> Path:
    """Return the file of a case."""
    return CASES / f"{case.id}.json"


def stale() -> list[str]:
    """Return what is wrong with `cases/`: a line for each file that is missing, old, or of no written case."""
    wanted = {path_of(case): dump(case) for case in written_cases()}
    wrong = []
    for path, text in wanted.items():
        if not path.exists():
            wrong.append(f"{path.name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            wrong.append(f"{path.name} is not what the generator writes")
    for path in sorted(CASES.rglob("*.json")):
        if path not in wanted and '"origin": "written"' in path.read_text(encoding="utf-8"):
            wrong.append(f"{path.name} is of no written case")
    return wrong


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell what is old."""
    if "--check" in arguments:
        wrong = stale()
        print("\n".join(wrong) or "cases/ is up to date")
        return 1 if wrong else 0
    cases = written_cases()
    for path in CASES.rglob("*.json"):
        if '"origin": "written"' in path.read_text(encoding="utf-8"):
            path.unlink()
    for case in cases:
        path_of(case).parent.mkdir(parents=True, exist_ok=True)
        write_text(path_of(case), dump(case))
    print(f"wrote {len(cases)} cases")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
