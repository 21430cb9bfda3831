"""What was found in the implementations: `results/findings*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import frozen

from rollproof.conformance.cases.case import Case, published_cases, read_case
from rollproof.conformance.real.implementations import Implementation
from rollproof.conformance.real.install import ROOT

RESULTS = ROOT / "conformance" / "results"
MINIMAL = RESULTS / "cases"


@frozen(slots=False)
class Finding:
    """Something that was found, confirmed by a minimal schedule and by reading the code."""

    of: str
    id: str
    title: str
    clause: str
    rules: tuple[str, ...]
    text: str
    options: tuple[str, ...]
    """What its schedule was found and made small with."""
    origin: str
    """The case that it was made of, or empty for one that was written for it."""
    code: tuple[Mapping[str, Any], ...]
    """Lines of the implementation: file, line, text."""
    strength: str
    """MUST: any user of rollback relies on it, or its documentation promises it. SHOULD: the rest."""
    effect: str
    """What it does to the game or the data, in one line."""
    network: str
    """How ordinary the network is that shows it."""
    mend: str
    """A suggestion, where it is small."""
    explains: tuple[tuple[str, str], ...]
    """Which failures of the suite's cases it is the cause of: a clause, and a pattern of case ids."""

    @property
    def path(self) -> Path:
        """Its minimal schedule."""
        return MINIMAL / f"{self.of.removeprefix('@').replace('/', '-')}-{self.id}.json"

    @cached_property
    def case(self) -> Case:
        """Its minimal schedule."""
        return read_case(self.path)

    def is_cause_of(self, case: str, clause: str | None) -> bool:
        """Tell whether it is why a case fails by a clause."""
        return any(clause == wanted and fnmatchcase(case, pattern) for wanted, pattern in self.explains)


def findings(implementation: Implementation | None = None) -> list[Finding]:
    """Return everything that is published as found: of all, or of one implementation."""
    made = [
        Finding(
            of=each["of"], id=each["id"], title=each["title"], clause=each["clause"], rules=tuple(each["rules"]),
            text=_line(each["text"]), options=tuple(each.get("options", ())), origin=each.get("origin", ""),
            code=tuple(each["code"]), strength=each.get("strength", "MUST"), effect=_line(each.get("effect", "")),
            network=_line(each.get("network", "")), mend=each.get("mend", "").strip("\n"),
            explains=tuple((clause, pattern) for clause, pattern in each.get("explains", [[each["clause"], "*"]])),
        )
        for each in _written("finding")
    ]  # fmt: skip
    return [each for each in made if implementation is None or each.of == implementation.name]


def about(implementation: Implementation) -> str:
    """Return what is said of an implementation before its results."""
    return next(_line(each[implementation.name]) for each in _documents("about") if implementation.name in each)


def base_case(finding: Finding) -> Case:
    """Return the case that a finding's schedule is made of: one of the suite, or what is published."""
    return next((case for case in published_cases() if case.id == finding.origin), None) or finding.case


def _line(text: str) -> str:
    return " ".join(text.split())


def _written(name: str) -> list[dict[str, Any]]:
    return [each for document in _documents(name) for each in document]


def _documents(name: str) -> list[Any]:
    texts = (path.read_text(encoding="utf-8") for path in sorted(RESULTS.glob("findings*.toml")))
    return [document[name] for document in map(tomllib.loads, texts) if name in document]
