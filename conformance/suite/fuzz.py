"""The search: random schedules, judged like cases; the first that fails is made as small as it gets, and is a case.

Seeded and bounded: the same seed searches the same schedules in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

from attrs import define, field

from rollproof.conformance.cases.case import Case, dump, parse_case
from rollproof.conformance.cases.writing import ALONE, BLACK_BOX, case, rule
from rollproof.conformance.judge.verdict import Judgement, Verdict
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.minimise import minimise
from rollproof.conformance.suite.suite import BAD, Result, Target

LONGEST_MINIMISATION = 300
"""Runs."""


@define
class Found:
    """What a search found."""

    runs: int
    judged: int
    """How many of the schedules showed something: neither vacuous nor declined."""
    seed: int
    result: Result | None = None
    known: Counter[str] = field(factory=Counter)
    """How many schedules failed in nothing but what is known, by the clause that failed first."""
    steps_before: int = 0
    minimisations: int = 0

    @property
    def exit_code(self) -> int:
        """Return 1 if something was found that is not known, 3 if nothing was judged, 0 otherwise."""
        return 1 if self.result is not None else 0 if self.judged else 3

    def sentence(self) -> str:
        """Tell what was found, in a line."""
        if self.result is None:
            failed = f"none failed{' in anything else' if self.known else ''}"
            return f"seed {self.seed}: {self.runs} schedules, {self.judged} of them judged, {self._known()}and {failed}"
        steps = _size(self.result.case)
        return (
            f"seed {self.seed}: {self._known()}schedule {self.runs} fails; made smaller in {self.minimisations} runs, "
            f"from {self.steps_before} steps and rules to {steps}"
        )

    def _known(self) -> str:
        return "".join(f"{number} with a failure of {clause} as known, " for clause, number in self.known.most_common())

    def case_text(self) -> str:
        """Return the minimised case as a file's text."""
        return "" if self.result is None else dump(self.result.case)

    def as_json(self, version: str) -> Json:
        """Return the outcome as JSON."""
        found: dict[str, Any] = {"rollproof": version, "seed": self.seed, "runs": self.runs, "judged": self.judged}
        if self.known:
            found["known"] = dict(self.known)
        if self.result is not None:
            found["verdict"] = self.result.verdict.value
            found["case"] = self.result.case.json
        return found


def fuzz(
    target: Target,
    runs: int,
    *,
    seed: int,
    level: int = 2,
    known: frozenset[str] = frozenset(),
    done: Callable[[], None] = lambda: None,
) -> Found:
    """Judge random schedules, at most so many; minimise the first that fails in a clause that is not known.

    Raises:
        AdapterError: if the adapter cannot be started.
    """
    adapters = target.make()
    try:
        adapters.get(1)
        hello = adapters.hello
        able = frozenset() if hello is None else hello.capabilities
        found = Found(0, 0, seed)
        for number in range(runs):
            found.runs += 1
            candidate = random_case(seed, number, able, min(level, 0 if hello is None else hello.level))
            judgement, _ = run_and_judge(candidate, adapters, level=level)
            found.judged += judgement.verdict in (Verdict.PASS, Verdict.DEGRADED, *BAD)
            done()
            if judgement.verdict not in BAD:
                continue
            if _cause(judgement, known) is not None:
                found.steps_before = _size(candidate)
                found.result, found.minimisations = _smallest(candidate, adapters, level, known)
                break
            found.known[_clauses(judgement)[0]] += 1
        return found
    finally:
        adapters.close()


def _clauses(judgement: Judgement) -> list[str]:
    return [each.clause for each in (judgement.failure, *judgement.others) if each is not None] or [""]


def _cause(judgement: Judgement, known: frozenset[str]) -> tuple[str, str] | None:
    """Return the first clause that fails and is not known, with the effect of the run."""
    clause = next((each for each in _clauses(judgement) if each not in known), None)
    return None if clause is None else (clause, judgement.effect)


def _smallest(failing: Case, adapters: Adapters, level: int, known: frozenset[str]) -> tuple[Result, int]:
    first, _ = run_and_judge(failing, adapters, level=level)
    cause = _cause(first, known)
    clause = "" if cause is None else cause[0]

    def fails(candidate: Case) -> bool:
        judgement, _ = run_and_judge(candidate, adapters, level=level)
        return judgement.verdict is first.verdict and _cause(judgement, known) == cause

    smallest, tries = minimise(failing, fails, LONGEST_MINIMISATION)
    judgement, run = run_and_judge(smallest, adapters, level=level)
    rules = list(judgement.failure.rules) if judgement.failure else smallest["rules"]
    named = smallest.changed(rules=rules, title=f"Found by search: {clause}")
    return Result(parse_case(dump(named), "the search"), judgement, run), tries


def random_case(seed: int, number: int, able: frozenset[str], level: int) -> Case:
    """Return the schedule of a number: a function of its arguments alone."""
    random = Random(f"{seed}-{number}")
    peers = random.choice([2, 2, 2, 3, 3, 4]) if "n-player" in able else 2
    names = "ABCD"[:peers]
    links = [f"{one}>{two}" for one in names for two in names if one != two]
    config: dict[str, Any] = {}
    if "delay" in able and random.random() < 0.3:
        config["input_delay"] = random.randint(1, 4)
    if "window" in able and random.random() < 0.3:
        config["prediction_window"] = random.randint(1, 6)
    episodes = level == 2 and "episode-end" in able and random.random() < 0.5
    if episodes:
        config["max_steps"] = random.randint(3, 20)
        if random.random() < 0.5:
            config["end_sum"] = random.randint(10, 90)
        config |= {"input_confirmation_timeout_ms": random.choice([0, 100, 500]), "episode_sync_timeout_ms": 2000}
    schedule = _steps(random, names, links, able, level)
    network = [
        rule(random.choice(links), _fate(random), nth=sorted(random.sample(range(80), random.randint(1, 12))))
        for _ in range(random.randint(0, 6) if "datagram" in able else 0)
    ]
    if episodes:
        schedule.append({"finish": 300, "heal": True})
    return Case(
        case(
            f"fuzz/{seed}-{number}",
            "Found by search",
            "A random schedule.",
            rules=("BUF-6",),
            schedule=schedule,
            level=2 if episodes else 0,
            requires=("promote", "episode-end") if episodes else (),
            peers=peers,
            config=config,
            latency=random.choice([0, 0.5, 1, 2, 3, 5, 8]),
            latencies={link: random.randint(0, 8) for link in links} if random.random() < 0.3 else None,
            network=network,
            frames=0,
            end={"how": "stop"} if episodes else None,
            premise=({"obs": "advance", "at_least": 3},),
            expect=tuple(name for name in ALONE if name != "ends_agreed") if episodes else BLACK_BOX,
            degraded=tuple(names) if episodes else (),
        )
        | {"profile": "core", "origin": "fuzzed", "premise": [{"obs": "advance", "at_least": 3}]}
    )


def _steps(random: Random, names: str, links: list[str], able: frozenset[str], level: int) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = []
    last = [0] * len(names)
    for _ in range(random.randint(4, 30)):
        last = [value if random.random() < 0.4 else random.randint(0, 5) for value in last]
        steps.append({"round": [None if random.random() < 0.1 else value for value in last]})
        chance = random.random()
        if chance < 0.15 and "interleave" in able and level == 2:
            peer = random.choice(names)
            for _ in range(random.randint(1, 3)):
                steps.append({"tick": peer, "input": random.randint(0, 5), "resumes": random.randint(0, 3)})
            steps.append({"pass_us": random.randint(0, 30_000)})
            steps.append({"resume": peer})
        elif chance < 0.25:
            steps.append({"tick": random.choice(names), "input": random.randint(0, 5)})
        elif chance < 0.3:
            steps.append({"pass_us": random.randint(0, 300_000)})
        elif chance < 0.35 and "datagram" in able:
            steps.append({"replay": random.choice(links), "nth": random.randint(0, 20)})
        elif chance < 0.4 and "relay" in able:
            steps.append({"link": random.choice(links), "state": random.choice(["up", "down", "full", "closed"])})
    return steps


def _fate(random: Random) -> str | list[float]:
    chance = random.random()
    if chance < 0.4:
        return "drop"
    if chance < 0.5:
        return "hold"
    return [float(random.randint(0, 12)) for _ in range(1 if chance < 0.8 else 2)]


def _size(case: Case) -> int:
    return len(case["schedule"]) + len(case["network"].get("rules", ()))
