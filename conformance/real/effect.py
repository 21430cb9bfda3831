"""What a failure does to whoever plays or records, and on what network."""

from __future__ import annotations

from rollproof.conformance.cases.case import Case
from rollproof.conformance.judge.effect import EXPORTS, FROZEN, GAMES, NONE, TOLD, UNKNOWN
from rollproof.conformance.judge.verdict import Judgement, Verdict

CONSTANT, LOSSLESS, LOSSY, LEAVING = "constant", "lossless", "lossy", "leaving"
NETWORKS = {
    CONSTANT: "Lossless, constant latency, default settings",
    LOSSLESS: "Lossless: jitter, pauses, other settings",
    LOSSY: "Loss, doubles, disorder, forged packets",
    LEAVING: "A player leaves or falls silent",
}
"""From the most ordinary to the least; the last is of its own kind."""
EFFECTS = {
    "data": "wrong data",
    "game": "wrong game",
    "crash": "crash",
    "frozen": "stands still",
    "none": "right in the end",
}
"""From the worst to the least."""


def network_of(case: Case) -> str:
    """Return on what kind of network a case takes place."""
    rules = case["network"].get("rules", ())
    doubled = any(each["fate"] == "drop" or (each["fate"] != "hold" and len(each["fate"]) > 1) for each in rules)
    if case["profile"] == "leaving":
        return LEAVING
    if doubled or "datagram" in case["requires"] or "twins" in case.json:
        return LOSSY
    plain = all("finish" in step or None not in step.get("round", (None,)) for step in case["schedule"])
    return CONSTANT if plain and not rules and not set(case["config"]) & {"prediction_window"} else LOSSLESS


_WORDS = {EXPORTS: "data", TOLD: "data", GAMES: "game", FROZEN: "frozen", NONE: "none", UNKNOWN: "crash"}


def effect_of(judgement: Judgement) -> str:
    """Return the worst that a failed run shows: wrong data, a wrong game, a crash, a standstill, or nothing."""
    by_verdict = {Verdict.STUCK: "frozen", Verdict.CRASH: "crash"}
    return by_verdict.get(judgement.verdict) or _WORDS[judgement.effect]
