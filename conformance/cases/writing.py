"""What the written cases are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rollproof.conformance.schema import Json

FRAME = 20_000
"""Microseconds of a frame in all written cases."""
BLACK_BOX = ("game", "order", "one_value", "rollback_needed", "agreement", "own_input", "progress")
"""What a game is judged by from outside."""
EPISODE = (*BLACK_BOX, "inputs_are_true", "ends", "ends_agreed", "termination", "exports")
"""What an episode with its export is judged by."""
ALONE = tuple(name for name in EPISODE if name != "agreement")
"""What is left where peers may end without having heard everything."""
LOADS: Json = {"obs": "load"}

Steps = list[dict[str, Any]]
Inputs = list[Any]
"""An input or None for each round."""


def case(
    id: str,
    title: str,
    why: str,
    *,
    rules: Sequence[str],
    schedule: Steps,
    bugs: Sequence[int] = (),
    kills: Sequence[str] = (),
    level: int = 0,
    requires: Sequence[str] = (),
    strength: str = "MUST",
    peers: int = 2,
    config: Json = None,
    latency: float = 0,
    latencies: Json = None,
    network: Sequence[Json] = (),
    frames: int | None = None,
    end: Json = None,
    premise: Sequence[Json] = (LOADS,),
    expect: Sequence[str] = BLACK_BOX,
    degraded: Sequence[str] = (),
) -> Json:
    """Return a case. Latencies are in frames; a profile is the first part of the id."""
    config = dict(config or {})
    needs = {"core", *requires}
    if "input_delay" in config:
        needs.add("delay")
    if "prediction_window" in config:
        needs.add("window")
        expect = (*expect, "window")
    if peers > 2:
        needs.add("n-player")
    if any(rule["fate"] == "drop" or (len(rule["fate"]) > 1 and rule["fate"] != "hold") for rule in network):
        needs.add("datagram")
    if any("replay" in step or "reflect" in step or step.get("newest") for step in schedule):
        needs.add("datagram")
    premise = [*premise, *_happened(network, schedule)]
    written: dict[str, Any] = {"latency_us": round(latency * FRAME)}
    if latencies:
        written["latencies"] = {link: round(value * FRAME) for link, value in latencies.items()}
    if network:
        written["rules"] = list(network)
    rounds = sum("round" in step for step in schedule)
    made = {
        "id": id,
        "revision": 1,
        "title": title,
        "why": why,
        "profile": id.split("/")[0],
        "rules": list(rules),
        "bugs": list(bugs),
        "level": level,
        "requires": sorted(needs),
        "strength": strength,
        "peers": list("ABCD"[:peers]),
        "config": config,
        "network": written,
        "schedule": schedule,
        "end": end or {"how": "settle", "frames": rounds if frames is None else frames},
        "premise": list(premise),
        "expect": list(expect),
        "kills": list(kills),
        "origin": "written",
    }
    if degraded:
        made["degraded"] = list(degraded)
    return made


def _happened(network: Sequence[Json], schedule: Steps) -> list[Json]:
    """Return what must have happened for the network and the schedule to have done what they say."""
    wanted: list[Json] = []
    for rule in network:
        if rule["fate"] == "drop":
            wanted.append({"event": "lost", **({"class": rule["class"]} if "class" in rule else {})})
    for step in schedule:
        for kind in ("replay", "reflect"):
            if kind in step:
                sender, to = step[kind].split(">")
                of = {"class": step["class"]} if "class" in step else {}
                wanted.append({"event": "again", "peer": to if kind == "replay" else sender, **of})
        if "resumes" in step:
            peers = {each.get("tick") or each.get("poll") for each in schedule if "resumes" in each}
            wanted.append({"event": "interrupted", **({"peer": peers.pop()} if len(peers) == 1 else {})})
        if "release" in step and "resumes" not in step:
            wanted.append({"event": "released", "peer": step["release"].split(">")[1]})
    return [each for number, each in enumerate(wanted) if each not in wanted[:number]]


def during(pattern: Json, first: int, last: int = 10_000) -> Json:
    """Return a pattern of a premise that must be met from one step of the schedule on, and before another."""
    return {**pattern, "during": [first, last]}


def busy(count: int, player: int) -> Inputs:
    """Return inputs that change almost every time, differently for each player."""
    return [(7 * i + 3 * player + i * i // 5) % 6 for i in range(count)]


def held(count: int, player: int, hold: int = 5) -> Inputs:
    """Return inputs that change every few frames."""
    return [(i // hold * (player + 2) + player) % 7 for i in range(count)]


def rounds(*inputs: Iterable[int | None]) -> Steps:
    """Return rounds with each peer's inputs."""
    return [{"round": list(values)} for values in zip(*inputs, strict=True)]


def busy_rounds(count: int, peers: int = 2) -> Steps:
    """Return rounds in which everybody is busy."""
    return rounds(*(busy(count, player) for player in range(peers)))


def rule(link: str, fate: Any, **match: Any) -> Json:
    """Return a rule of the network; times of a fate are in frames."""
    return {"link": link, **match, "fate": [round(t * FRAME) for t in fate] if isinstance(fate, list) else fate}
