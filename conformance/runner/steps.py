"""What each step of a case's schedule does (see schemas/case.json)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rollproof.conformance.cases.single_step import VARIABLES
from rollproof.conformance.runner.network import Packet
from rollproof.conformance.schema import Json
from rollproof.reference.values import evolve

if TYPE_CHECKING:
    from rollproof.conformance.runner.session import Session


class DeclinedError(Exception):
    """The adapter declines the case."""


def play_round(session: Session, step: Json) -> None:
    """Let a frame's time pass, then let everybody tick."""
    session.round += 1
    session.let_time_pass(session.now + session.case.frame_us)
    for peer, value in zip(session.case.peers, step["round"], strict=True):
        if value is not None and peer not in session.silent:
            session.left[peer].clear()
            session.ask(peer, "tick", now=session.now, input=value)
            session.finish_work(peer)


def _rounds(session: Session, step: Json) -> None:
    """Let many rounds pass, each player's inputs being those of a list, over and over."""
    for number in range(step["rounds"]):
        play_round(session, {"round": [inputs[number % len(inputs)] for inputs in step["inputs"]]})


def _tick(session: Session, step: Json) -> None:
    """Let one peer tick now."""
    session.ask(step["tick"], "tick", now=session.now, input=step["input"])
    session.finish_or_leave(step["tick"], step.get("resumes"))


def _poll(session: Session, step: Json) -> None:
    """Let one peer's timers run now."""
    session.ask(step["poll"], "poll", now=session.now)
    session.finish_or_leave(step["poll"], step.get("resumes"))


def _resume(session: Session, step: Json) -> None:
    """Let waiting work of a peer go on."""
    peer = step["resume"]
    if "times" in step:
        session.resume(peer, step["times"], newest=step.get("newest", False))
    else:
        session.left[peer].clear()
        session.finish_work(peer)


def _pass_us(session: Session, step: Json) -> None:
    """Let time pass."""
    session.let_time_pass(session.now + step["pass_us"])


def _release(session: Session, step: Json) -> None:
    """Let held packets arrive now."""
    sender, to = step["release"].split(">")
    held = session.network.held[sender, to]
    for _ in range(min(step.get("count", len(held)), len(held))):
        session.log(to, "released", {"from": sender})
        session.deliver(held.pop() if step.get("newest", False) else held.pop(0), step.get("resumes"))


def _replay(session: Session, step: Json) -> None:
    """Let a packet arrive once more."""
    for packet in _sent_before(session, step, step["replay"]):
        session.log(packet.to, "again", {"from": packet.sender, "packet": packet.number, "class": packet.kind})
        session.deliver(packet)


def _reflect(session: Session, step: Json) -> None:
    """Let a packet come back to its sender."""
    for packet in _sent_before(session, step, step["reflect"]):
        session.log(packet.sender, "again", {"from": packet.to, "packet": packet.number, "class": packet.kind})
        session.deliver(evolve(packet, sender=packet.to, to=packet.sender))


def _sent_before(session: Session, step: Json, link: str) -> list[Packet]:
    """Return the packet that a step names, if there was one."""
    sender, to = link.split(">")
    sent = [each for each in session.network.sent[sender, to] if step.get("class", each.kind) == each.kind]
    return [each for each in sent[step["nth"] : step["nth"] + 1] if not session.network.is_reliable(each)]


def _forge(session: Session, step: Json) -> None:
    """Let a packet arrive that a peer's twin has sent."""
    sender, to = step["forge"].split(">")
    sent = [each for each in session.twins[sender].sent[to] if step.get("class", each.kind) == each.kind]
    number = step.get("nth", len(sent) - 1)
    for packet in sent[number : number + 1] if number >= 0 else ():
        session.log(to, "forge", {"from": sender, "packet": packet.number, "class": packet.kind})
        session.deliver(evolve(packet, via=step.get("via", packet.via)))


def _link(session: Session, step: Json) -> None:
    """Change the peer-to-peer way to a partner."""
    sender, to = step["link"].split(">")
    if step["state"] == "up":
        session.network.states.pop((sender, to), None)
    else:
        session.network.states[sender, to] = step["state"]
    session.ask(sender, "link", now=session.now, to=to, state=step["state"])


def _command(session: Session, step: Json) -> None:
    """Ask a peer for something, on behalf of the platform."""
    peer = step["command"]
    value = {"value": step["value"]} if "value" in step else {}
    answer = session.ask(peer, "command", now=session.now, name=step["name"], **value)
    if "skipped" in answer:
        session.log(peer, "refused", {"name": step["name"], **answer["skipped"]})
    session.finish_or_leave(peer, step.get("resumes"))


def _step(session: Session, step: Json) -> None:
    """Ask a peer to fire one transition, and then for its variables."""
    peer, name = step["step"], step["transition"]
    answer = session.ask(peer, "step", now=session.now, transition=name, args=step["args"])
    if "skipped" in answer:
        session.run.skipped = answer["skipped"]
        raise DeclinedError
    session.query(peer, tuple(VARIABLES))


def _silence(session: Session, step: Json) -> None:
    """Let a peer fall silent for good."""
    session.silent.add(step["silence"])
    session.wakes.pop(step["silence"], None)
    session.log(step["silence"], "silence", {})


def _finish(session: Session, step: Json) -> None:
    """Go on until every episode is over, then export, then begin the next one."""
    if step.get("heal", False):
        session.heal()
    for _ in range(step["finish"]):
        if set(session.active()) <= session.ended:
            break
        play_round(session, {"round": [0] * len(session.case.peers)})
    for name in ("export", *(["next_episode"] if step.get("next", False) else [])):
        for peer in session.active():
            _command(session, {"command": peer, "name": name})
    if step.get("next", False):
        session.ended.clear()


STEPS: dict[str, Callable[[Session, Json], None]] = {
    "round": play_round,
    "rounds": _rounds,
    "tick": _tick,
    "poll": _poll,
    "resume": _resume,
    "pass_us": _pass_us,
    "release": _release,
    "replay": _replay,
    "reflect": _reflect,
    "forge": _forge,
    "link": _link,
    "command": _command,
    "step": _step,
    "silence": _silence,
    "finish": _finish,
}
"""What each step does, by the name that tells it."""
