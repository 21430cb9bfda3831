"""Cases found by search: for a guard that no other case needs, a schedule that goes wrong without it.

`python -m conformance.searched [SCHEDULES]` writes them into `cases/searched/`. A guard that refuses nothing in any
schedule is left out: nothing can be seen of it.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict

from conformance.adapters.reference import CAPABILITIES, Adapter
from conformance.bugs import Mutant
from conformance.cases import CASES, Case, dump, published_cases
from conformance.files import write_text
from conformance.fuzz import random_case
from conformance.judge import Verdict
from conformance.minimise import minimise
from conformance.mutants import mutants
from conformance.runner import Adapters
from conformance.runs import run_and_judge
from conformance.selftest import RESULTS, is_killed, refusals

ABLE = frozenset(CAPABILITIES) | {"datagram"}
SCHEDULES = 300
MOST_TRIES = 12
"""How many schedules are tried for one guard."""
MOST_RUNS = 250
"""Of one minimisation."""


def search(schedules: int, already: set[str]) -> list[Case]:
    """Return a case for each guard mutant that is not `already` killed and that one of the schedules kills."""
    where: defaultdict[str, list[Case]] = defaultdict(list)
    for number in range(schedules):
        case = random_case(0, number, ABLE, 2)
        verdict, seen = refusals(case)
        if verdict in (Verdict.PASS.value, Verdict.DEGRADED.value):
            for transition, guard in seen:
                where[f"without:{transition}.{guard}"].append(case)
    found = []
    for name, mutant in mutants().items():
        if name.startswith("without:") and name not in already:
            killer = next((case for case in where[name][:MOST_TRIES] if is_killed(mutant, case)), None)
            print(f"{len(where[name]):4} schedules, {'found' if killer else 'nothing':7}  {name}", file=sys.stderr)
            if killer is not None:
                found.append(_case(mutant, killer))
    return found


def _case(mutant: Mutant, killer: Case) -> Case:
    adapters = Adapters.in_process(mutant.make)

    def fails(case: Case) -> bool:
        judgement, _ = run_and_judge(case, adapters)
        return judgement.failure is not None and judgement.failure.clause == first.clause and passes(case)

    def passes(case: Case) -> bool:
        judgement, _ = run_and_judge(case, Adapters.in_process(Adapter))
        return judgement.verdict in (Verdict.PASS, Verdict.DEGRADED)

    judgement, _ = run_and_judge(killer, adapters)
    if judgement.failure is None:
        raise ValueError(f"{killer.id} does not kill {mutant.name}")
    first = judgement.failure
    smallest, _ = minimise(killer, fails, MOST_RUNS)
    transition, guard = mutant.name.removeprefix("without:").split(".")
    rules = list(dict.fromkeys(each for each in first.rules))
    return smallest.changed(
        id=f"searched/{transition}-{guard}",
        title=f"What {transition} does when it does not ask: {guard}",
        why=f"Found by search. {mutant.sentence}",
        rules=rules,
        kills=[mutant.name],
        origin="searched",
    )


def main(arguments: list[str]) -> int:
    """Search, and write what was found."""
    others = {case.id for case in published_cases() if case["origin"] != "searched"}
    published = json.loads((RESULTS / "self-test.json").read_text(encoding="utf-8"))
    already = {name for name, killers in published["mutants"].items() if others & set(killers)}
    cases = search(int(arguments[0]) if arguments else SCHEDULES, already)
    folder = CASES / "searched"
    if cases:
        folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for case in cases:
        write_text(CASES / f"{case.id}.json", dump(case))
    print(f"wrote {len(cases)} cases")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
