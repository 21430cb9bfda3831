"""Writes the cases that are written by hand into `cases/`, and those made from the model into the tests.

`python -m rollproof.conformance.generate`; with `--check` it only compares.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rollproof.conformance.cases.case import CASES, Case, dump, parse_case
from rollproof.conformance.generate.authored import (
    between,
    choices,
    core,
    diagnostics,
    episode,
    interleaving,
    leaving,
    liars,
    recording,
    silences,
    transport,
)
from rollproof.conformance.generate.derived import derived_cases
from rollproof.model.documents import write_text

DERIVED = Path(__file__).parents[2] / "tests" / "conformance"
"""Where the cases of single transitions go: nothing but a port of the reference's list can run them."""


def written_cases() -> list[Case]:
    """Return every written case, checked.

    Raises:
        InvalidError: if one does not fit the schema.
    """
    modules = (
        core,
        choices,
        transport,
        silences,
        liars,
        recording,
        interleaving,
        between,
        episode,
        leaving,
        diagnostics,
    )
    made = [Case(json) for module in modules for json in module.cases()]
    return [parse_case(dump(case), case.id) for case in made]


def all_cases() -> list[Case]:
    """Return every case that is generated, checked.

    Raises:
        InvalidError: if one does not fit the schema.
    """
    return [*written_cases(), *(parse_case(dump(case), case.id) for case in derived_cases())]


def path_of(case: Case) -> Path:
    """Return the file of a case."""
    return (DERIVED if case["origin"] == "model" else CASES) / f"{case.id}.json"


def stale() -> list[str]:
    """Return what is wrong with the files: a line for each file that is missing, old, or of no such case."""
    wanted = {path_of(case): dump(case) for case in all_cases()}
    wrong = []
    for path, text in wanted.items():
        if not path.exists():
            wrong.append(f"{path.name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            wrong.append(f"{path.name} is not what the generator writes")
    for path in _files():
        if path not in wanted and _is_ours(path):
            wrong.append(f"{path.name} is of no case")
    return wrong


def _files() -> list[Path]:
    return sorted([*CASES.rglob("*.json"), *(DERIVED / "transitions").glob("*.json")])


def _is_ours(path: Path) -> bool:
    return any(f'"origin": "{each}"' in path.read_text(encoding="utf-8") for each in ("written", "model"))


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` tell what is old."""
    if "--check" in arguments:
        wrong = stale()
        print("\n".join(wrong) or "the cases are up to date")
        return 1 if wrong else 0
    cases = all_cases()
    for path in _files():
        if _is_ours(path):
            path.unlink()
    for case in cases:
        path_of(case).parent.mkdir(parents=True, exist_ok=True)
        write_text(path_of(case), dump(case))
    print(f"wrote {len(cases)} cases")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
