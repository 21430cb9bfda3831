"""Cases: read from files, checked, never trusted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from attrs import field, frozen

from rollproof.conformance.cases.single_step import problem
from rollproof.conformance.schema import InvalidError, Json, check, parse
from rollproof.model.documents import read_bytes

CASES = Path(__file__).parent
LARGEST_FILE = 2_000_000
"""Bytes of a case file."""
DEFAULT_FRAME_US = 20_000


@frozen(slots=False)
class Case:
    """A case: the JSON of the published schema, with what is read from it most often."""

    json: Mapping[str, Json] = field(repr=False)
    file: str = field(default="", eq=False)
    """Where it was read from, if it is none of the suite's."""

    @cached_property
    def id(self) -> str:
        """Its name."""
        return str(self.json["id"])

    @cached_property
    def peers(self) -> tuple[str, ...]:
        """Its peers, in player order."""
        return tuple(self.json["peers"])

    @cached_property
    def config(self) -> dict[str, Json]:
        """The settings of the session."""
        return dict(self.json["config"])

    @cached_property
    def frame_us(self) -> int:
        """How long a frame lasts."""
        return int(self.config.get("frame_us", DEFAULT_FRAME_US))

    @cached_property
    def interleaves(self) -> bool:
        """Whether some work is left waiting."""
        return any("resumes" in step for step in self.json["schedule"])

    def __getitem__(self, name: str) -> Any:
        """Return a part of the JSON."""
        return self.json[name]

    def changed(self, **parts: Json) -> Case:
        """Return this case with other parts."""
        return Case({**self.json, **parts})


def parse_case(text: str | bytes, source: str) -> Case:
    """Return the case that JSON says.

    Raises:
        InvalidError: naming `source`, if it does not say one.
    """
    try:
        value = parse(text)
        check("case", value)
        _check_names(value)
    except InvalidError as error:
        raise InvalidError(f"{source}: {error}") from None
    return Case(value)


def read_case(path: Path) -> Case:
    """Read one case.

    Raises:
        InvalidError: if the file does not hold a case.
    """
    return Case(parse_case(read_bytes(path, LARGEST_FILE), str(path)).json, str(path))


def published_cases() -> list[Case]:
    """Return every case of the suite, by id.

    Raises:
        InvalidError: if a file is broken, or two cases have the same id.
    """
    return list(_published())


@cache
def _published() -> tuple[Case, ...]:
    return tuple(Case(each.json) for each in read_cases(CASES))


def read_cases(folder: Path) -> list[Case]:
    """Return every case below a folder, by id.

    Raises:
        InvalidError: if a file is broken, or two cases have the same id.
    """
    cases = sorted((read_case(path) for path in folder.rglob("*.json")), key=lambda case: case.id)
    for one, other in pairwise(cases):
        if one.id == other.id:
            raise InvalidError(f"two cases are named {one.id}")
    return cases


def longest_latency(case: Case) -> int:
    """Return the longest latency of any link, in microseconds."""
    network = case["network"]
    longest: int = max([network["latency_us"], *network.get("latencies", {}).values()])
    return longest


def dump(case: Case) -> str:
    """Return a case as the text of its file: a line for each step and each rule."""
    parts = []
    for name, value in case.json.items():
        if name == "schedule":
            parts.append(f'  "schedule": {_lines(value, "  ")}')
        elif name == "network" and value.get("rules"):
            rest = {key: each for key, each in value.items() if key != "rules"}
            inner = json.dumps(rest)[1:-1]
            parts.append(f'  "network": {{{inner}, "rules": {_lines(value["rules"], "  ")}}}')
        else:
            parts.append(f'  "{name}": {json.dumps(value, ensure_ascii=False)}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(values: Iterable[Json], indent: str) -> str:
    inner = ",\n".join(f"{indent}  {json.dumps(value)}" for value in values)
    return f"[\n{inner}\n{indent}]" if inner else "[]"


def _check_names(case: Json) -> None:
    peers = set(case["peers"])
    if len(peers) != len(case["peers"]):
        raise InvalidError("two peers have the same name")
    twins = [each["of"] for each in case.get("twins", ())]
    if len(set(twins)) != len(twins) or not set(twins) <= peers:
        raise InvalidError("each twin must be of a peer, and no peer has two")
    for number, step in enumerate(case["schedule"]):
        if len(step.get("round", step.get("inputs", case["peers"]))) != len(case["peers"]):
            raise InvalidError(f"schedule[{number}]: a round must have an input or null for each peer")
        named = [step[key] for key in ("tick", "poll", "resume", "command", "silence", "step") if key in step]
        for key in ("release", "replay", "reflect", "link", "forge"):
            named += step[key].split(">") if key in step else []
        unknown = [name for name in named if name not in peers]
        if unknown:
            raise InvalidError(f"schedule[{number}]: there is no peer {unknown[0]}")
        if "forge" in step and step["forge"].split(">")[0] not in twins:
            raise InvalidError(f"schedule[{number}]: {step['forge'].split('>')[0]} has no twin")
        wrong = problem(step) if "step" in step else None
        if wrong is not None:
            raise InvalidError(f"schedule[{number}]: {wrong}")
    single = ["step" in step for step in case["schedule"]]
    if any(single) and not (all(single) and case["end"]["how"] == "stop"):
        raise InvalidError("single steps go with nothing else, and the case must end with them")
