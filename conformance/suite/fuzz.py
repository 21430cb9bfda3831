"""The search: random schedules, judged like cases; the first of each cause is made as small as it gets, and is a case.

Seeded and bounded: the same seed searches the same schedules in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from random import Random
from typing import Any

from attrs import define, evolve, field

from rollproof.conformance.cases.case import Case, dump, parse_case
from rollproof.conformance.cases.writing import ALONE, BLACK_BOX, EPISODE, case, rule
from rollproof.conformance.judge.verdict import Judgement, Verdict
from rollproof.conformance.runner.play import Adapters
from rollproof.conformance.schema import Json
from rollproof.conformance.suite.judged import run_and_judge
from rollproof.conformance.suite.minimise import minimise
from rollproof.conformance.suite.suite import BAD, Result, SuiteReport, Target, as_json, cause_of, is_repeatable

LONGEST_MINIMISATION = 300
"""Runs, of one finding."""
PATIENT_MS = 30_000
"""A deadline that no random schedule reaches."""


@define
class Finding:
    """The first schedule that failed by a cause, made small."""

    number: int
    """Which schedule it was, from 1."""
    result: Result
    steps_before: int
    minimisations: int
    again: int = 0
    """How many later schedules failed by the same cause."""

    def sentence(self) -> str:
        """Tell what became of the schedule, in a line."""
        often = f"; {self.again} more by the same cause" if self.again else ""
        return (
            f"schedule {self.number} fails; made smaller in {self.minimisations} runs, "
            f"from {self.steps_before} steps and rules to {_size(self.result.case)}{often}"
        )

    def case_text(self) -> str:
        """Return the minimised case as a file's text."""
        return dump(self.result.case)


@define
class Found:
    """What a search found."""

    target: Target
    implementation: Json
    seed: int
    runs: int = 0
    judged: int = 0
    """How many of the schedules showed something: neither vacuous nor declined."""
    known: Counter[str] = field(factory=Counter)
    """How many failed in nothing but what is known, by the clause that failed first."""
    findings: list[Finding] = field(factory=list)

    @property
    def report(self) -> SuiteReport:
        """The findings as a report, each a case."""
        return SuiteReport(self.target, self.implementation, [each.result for each in self.findings])

    @property
    def exit_code(self) -> int:
        """Return 1 if something was found, 3 if nothing was judged, 4 if the adapter is broken, 0 otherwise."""
        return self.report.exit_code() if self.findings else 0 if self.judged else 3

    def sentence(self) -> str:
        """Tell what was found, in a line."""
        causes = f"{len(self.findings)} by causes of their own" if self.findings else "none failed"
        known = "".join(
            f", {number} with a failure of {clause} as known" for clause, number in self.known.most_common()
        )
        if known and not self.findings:
            causes = "no other failed"
        return f"seed {self.seed}: {self.runs} schedules, {self.judged} of them judged{known}, and {causes}"

    def as_json(self, version: str) -> Json:
        """Return the outcome as JSON (schemas/result.json)."""
        search = {"seed": self.seed, "runs": self.runs, "judged": self.judged, "known": dict(self.known)}
        return {**as_json(self.report, version), "exit": self.exit_code, "search": search}


def fuzz(
    target: Target,
    runs: int,
    *,
    seed: int,
    level: int = 2,
    excepted: Collection[str] = (),
    known: Collection[tuple[str, str]] = (),
    done: Callable[[], None] = lambda: None,
) -> Found:
    """Judge so many random schedules; minimise the first of each cause.

    Args:
        target: What is judged.
        runs: How many schedules.
        seed: Which ones.
        level: How deep to look.
        excepted: Clauses; a schedule that fails in no other is passed over.
        known: Causes, each a clause and an effect; a schedule that fails by no other is passed over.
        done: Is called after each schedule.

    Raises:
        AdapterError: if the adapter cannot be started.
    """

    def news(judgement: Judgement) -> Judgement | None:
        """Return a judgement with what is not known first; nothing, if all of it is."""
        every = [each for each in (judgement.failure, *judgement.others) if each is not None]
        new = [each for each in every if each.clause not in excepted and (each.clause, judgement.effect) not in known]
        if not new:
            return judgement if not every else None
        rest = tuple(each for each in every if each is not new[0])
        return evolve(judgement, failure=new[0], others=rest)

    adapters = target.make()
    try:
        adapters.get(1)
        hello = adapters.hello
        able = frozenset() if hello is None else hello.capabilities
        found = Found(target, {} if hello is None else dict(hello.json), seed)
        by_cause: dict[tuple[str, str], Finding] = {}
        for number in range(runs):
            found.runs += 1
            candidate = random_case(seed, number, able, min(level, 0 if hello is None else hello.level))
            judgement, run = run_and_judge(candidate, adapters, level=level)
            found.judged += judgement.verdict in (Verdict.PASS, Verdict.DEGRADED, *BAD)
            done()
            if judgement.verdict is Verdict.HARNESS_ERROR:
                found.findings.append(Finding(number + 1, Result(candidate, judgement, run), _size(candidate), 0))
                return found
            if judgement.verdict not in BAD:
                continue
            unknown = news(judgement)
            if unknown is None:
                clause = cause_of(judgement)[0]
                found.known[clause] += 1
                continue
            cause = cause_of(unknown)
            if cause in by_cause:
                by_cause[cause].again += 1
            else:
                result, tries = _smallest(candidate, unknown, news, adapters, level)
                if result.run is not None:
                    result.repeatable = is_repeatable(result.run, target, level)
                by_cause[cause] = Finding(number + 1, result, _size(candidate), tries)
                found.findings.append(by_cause[cause])
        return found
    finally:
        adapters.close()


def _smallest(
    failing: Case, first: Judgement, news: Callable[[Judgement], Judgement | None], adapters: Adapters, level: int
) -> tuple[Result, int]:
    """Return the smallest schedule that fails by the same cause and with the same effect."""

    def fails(candidate: Case) -> bool:
        judgement, _ = run_and_judge(candidate, adapters, level=level)
        unknown = news(judgement)
        return unknown is not None and unknown.verdict is first.verdict and cause_of(unknown) == cause_of(first)

    smallest, tries = minimise(failing, fails, LONGEST_MINIMISATION)
    judgement, run = run_and_judge(smallest, adapters, level=level)
    judgement = news(judgement) or judgement
    failure = judgement.failure
    named = smallest
    if failure is not None:
        why = f"{failure.sentence} What came of it: {judgement.effect}."
        named = smallest.changed(rules=list(failure.rules), title=f"Found by search: {failure.clause}", why=why)
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
        confirmation = random.choice([0, 100, 500, PATIENT_MS])
        sync = PATIENT_MS if confirmation == PATIENT_MS else 2000
        config |= {"input_confirmation_timeout_ms": confirmation, "episode_sync_timeout_ms": sync}
    patient = config.get("input_confirmation_timeout_ms") == PATIENT_MS
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
            expect=(EPISODE if patient else ALONE) if episodes else BLACK_BOX,
            # Only where a deadline may pass may an episode end unconfirmed.
            degraded=tuple(names) if episodes and not patient else (),
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
