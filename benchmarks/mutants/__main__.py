"""Judge mutants of the reference by `rollproof verify`, and show what became of each.

A mutant that ends as proved must be in `equivalent.json` with the reason why it changes nothing; one that is listed
there must exist and must not be refuted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

from attrs import frozen
from cyclopts import App

from benchmarks.mutants.operators import Mutant, mutants
from rollproof.cli import guarded
from rollproof.output import BROKEN, HELD, UsageError, console, progress, table

ROOT = Path(__file__).resolve().parents[2]
EQUIVALENT = Path(__file__).with_name("equivalent.json")
COPIED = ("reference", "rollproof")
LINKED = ("model", "proofs", "conformance")
LIMIT_S = 900
"""How long one mutant may take; a verdict takes seconds."""
WORDS = {0: "proved", 1: "refuted", 2: "refused", 3: "undecided"}
"""By exit code of `rollproof verify`: refused is code that cannot be loaded."""

app = App(name="python -m benchmarks.mutants", version_flags=[], help_format="plaintext")


@frozen
class Outcome:
    """What became of a mutant."""

    mutant: Mutant
    verdict: str
    """`proved`, `refuted`, `undecided`, `refused`, or `error`."""
    because: str


@app.default
def run(
    *names: str,
    sample: int | None = None,
    seed: int = 0,
    jobs: int | None = None,
    listed: bool = False,
    json_file: Path | None = None,
) -> int:
    """Judge mutants of `reference/`. Exits with 1 if one is proved that is not known to change nothing.

    Parameters
    ----------
    names:
        Only mutants whose names contain one of these.
    sample:
        Only so many of them, chosen by chance.
    seed:
        What the chance depends on.
    jobs:
        How many are judged at once; one per core if not given.
    listed:
        List them, and judge none.
    json_file:
        Write what became of each to this file.
    """
    chosen = [each for each in mutants(ROOT) if not names or any(name in each.name for name in names)]
    if sample is not None:
        chosen = sorted(Random(seed).sample(chosen, min(sample, len(chosen))), key=lambda each: each.name)
    if not chosen:
        raise UsageError("there is no such mutant")
    if listed:
        for each in chosen:
            console().print(each.name, soft_wrap=True)
        return HELD
    outcomes = judged(chosen, jobs)
    if json_file is not None:
        document = [{"name": it.mutant.name, "verdict": it.verdict, "because": it.because} for it in outcomes]
        json_file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return _show(outcomes, stale=not names and sample is None)


def judged(chosen: Iterable[Mutant], jobs: int | None = None) -> list[Outcome]:
    """Judge mutants, several at once."""
    todo = list(chosen)
    found = []
    with progress("mutants", len(todo)) as bar, ThreadPoolExecutor(jobs or os.cpu_count() or 1) as pool:
        for outcome in pool.map(verdict_on, todo):
            found.append(outcome)
            if sys.stderr.isatty():
                bar.advance(bar.task_ids[0])
    return found


def verdict_on(mutant: Mutant) -> Outcome:
    """Run `rollproof verify` on the project with one change."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as directory:
        place = Path(directory)
        for folder in COPIED:
            shutil.copytree(ROOT / folder, place / folder, ignore=shutil.ignore_patterns("__pycache__"))
        for folder in LINKED:
            (place / folder).symlink_to(ROOT / folder)
        file = place / mutant.file
        file.write_text(mutant.applied(file.read_text(encoding="utf-8")), encoding="utf-8")
        command = [sys.executable, "-m", "rollproof", "verify", "--proof-only", "--jobs", "1", "--json", "out.json"]
        environment = {**os.environ, "PYTHONPATH": directory, "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            done = subprocess.run(
                command, cwd=place, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return Outcome(mutant, "error", f"no verdict in {LIMIT_S} s")
        word = WORDS.get(done.returncode, "error")
        out = place / "out.json"
        document = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
        return Outcome(mutant, word, _because(document) or " ".join(done.stderr.split())[-200:])


def _because(document: dict[str, Any]) -> str:
    if document.get("broken"):
        return f"{document['broken']['kind']} {document['broken']['name']}: {document['broken']['problem']}"
    if document.get("trace"):
        verdict, steps = document["trace"]["verdict"], document["trace"]["steps"]
        return f"{verdict['property']} ({verdict['clause']}) after {len(steps)} steps"
    open_ = [each["name"] for each in document.get("theorems", ()) if each["open"]]
    return f"open: {', '.join(open_)}" if open_ else ""


def known() -> dict[str, str]:
    """Return the reasons why mutants change nothing, by name."""
    reasons: dict[str, str] = json.loads(EQUIVALENT.read_text(encoding="utf-8"))
    return reasons


def _show(outcomes: list[Outcome], *, stale: bool) -> int:
    reasons = known()
    rows = table("Mutants of the reference", "verdict", "mutant", "because")
    for word in ("error", "proved", "undecided", "refused", "refuted"):
        for each in (it for it in outcomes if it.verdict == word):
            rows.add_row(word, each.mutant.name, reasons.get(each.mutant.name, each.because))
    console().print(rows)
    counts = Counter(each.verdict for each in outcomes)
    console().print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())))
    wrong = [each for each in outcomes if each.verdict in ("proved", "error") and each.mutant.name not in reasons]
    wrong += [each for each in outcomes if each.verdict == "refuted" and each.mutant.name in reasons]
    for each in wrong:
        console().print(f"must not be {each.verdict}: {each.mutant.name}", style="bold red", soft_wrap=True)
    gone = sorted(set(reasons) - {each.mutant.name for each in outcomes}) if stale else []
    for name in gone:
        console().print(f"listed, and no mutant any more: {name}", style="bold red", soft_wrap=True)
    return BROKEN if wrong or gone else HELD


if __name__ == "__main__":
    sys.exit(guarded(app))
