"""`python -m rollproof.conformance.real [--publish | --minimise]`: compare with what is published, or publish anew."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rollproof.conformance.cases.case import dump, published_cases
from rollproof.conformance.real.install import InstallError, install
from rollproof.conformance.real.judge import (
    IMPLEMENTATIONS,
    MINIMAL,
    RESULTS,
    about,
    base_case,
    findings,
    judge_implementation,
    minimal,
)
from rollproof.conformance.real.page import overview, page
from rollproof.conformance.runner.transport import AdapterError
from rollproof.conformance.schema import InvalidError
from rollproof.model.documents import write_text


def main(arguments: Sequence[str]) -> int:
    """Return 0 if everything is as published, 1 if not, 2 for wrong usage, 4 if something cannot be run."""
    if arguments and (
        arguments[0] not in ("--publish", "--minimise") or (len(arguments) > 1 and arguments[0] == "--publish")
    ):
        print("usage: conformance.real [--publish | --minimise [FINDING...]]", file=sys.stderr)
        return 2
    try:
        install()
        if arguments[:1] == ["--minimise"]:
            return _minimise(arguments[1:])
        files, wrong = _results()
    except (InstallError, AdapterError, InvalidError, ValueError) as error:
        print(f"conform-real: {error}", file=sys.stderr)
        return 4
    for line in wrong:
        print(line)
    if wrong:
        return 1
    return _publish(files) if arguments else _compare(files)


def _results() -> tuple[dict[Path, str], list[str]]:
    """Judge everything. Return the files to publish, and what contradicts the findings."""
    cases = published_cases()
    documents, wrong, files = [], [], {}
    for implementation in IMPLEMENTATIONS:
        ours = [each for each in findings() if each.of == implementation.name]
        total = len(cases) * len(implementation.configurations) + len(ours)
        bar = _Bar(implementation.file, total)
        outcome = judge_implementation(implementation, cases, bar.advance)
        bar.close()
        documents.append((implementation, outcome.document))
        wrong += outcome.wrong
        if not wrong:
            text = json.dumps(outcome.document, indent=1, ensure_ascii=False) + "\n"
            files[RESULTS / f"{implementation.file}.json"] = text
            files[RESULTS / f"{implementation.file}.md"] = page(
                implementation, about(implementation), outcome.document, ours
            )
    files[RESULTS / "README.md"] = overview(documents)
    return files, wrong


class _Bar:
    """A count on a terminal, and nothing elsewhere."""

    def __init__(self, name: str, total: int) -> None:
        self.name, self.total, self.done = name, total, 0

    def advance(self) -> None:
        self.done += 1
        if sys.stderr.isatty():
            print(f"\r{self.name}: {self.done} of {self.total}", end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if sys.stderr.isatty():
            print(file=sys.stderr)


def _publish(files: dict[Path, str]) -> int:
    for path, text in files.items():
        write_text(path, text)
    print(f"{len(files)} files published in {RESULTS.name}/")
    return 0


def _compare(files: dict[Path, str]) -> int:
    different = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in different:
        beside = Path("build") / path.name
        write_text(beside, files[path])
        print(f"{path.name} is not what is published: compare with {beside}")
    if not different:
        print(f"{len(files)} files are exactly what is published")
    return 1 if different else 0


def _minimise(ids: Sequence[str]) -> int:
    """Make schedules small, of all findings or of those named."""
    by_name = {each.name: each for each in IMPLEMENTATIONS}
    for finding in findings():
        if not ids or finding.id in ids:
            case = minimal(finding, by_name[finding.of], base_case(finding))
            MINIMAL.mkdir(exist_ok=True)
            write_text(finding.path, dump(case))
            print(f"{finding.path.name}: {len(case['schedule'])} steps", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
