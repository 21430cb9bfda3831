"""What a step leaves alone need not be proved again; leaving that shortcut out changes no verdict."""

from __future__ import annotations

import pytest

from rollproof.proofs import composition, obligations
from rollproof.proofs.induction import prove
from rollproof.reference.protocol import PROTOCOL
from tests import long_but
from tests.edited import edited, left_open
from tests.proofs.test_attacks import ATTACKS, Attack

QUICK = ("confirm_frame", "change_link", "force_promote_frame")
SOME = tuple(each.name for each in ATTACKS[::9])
BY_NAME = {each.name: each for each in ATTACKS}


@pytest.fixture
def without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """State every obligation in full, also of what a step has not touched."""
    monkeypatch.setattr(obligations, "has", lambda whole, part: False)
    monkeypatch.setattr(composition, "has", lambda whole, part: False)


@pytest.mark.parametrize("name", long_but(QUICK, PROTOCOL.transitions))
def test_the_present_protocol_is_proved_without_it(name: str, request: pytest.FixtureRequest) -> None:
    with_it = prove(PROTOCOL, [name], jobs=1)
    request.getfixturevalue("without_it")
    report = prove(PROTOCOL, [name], jobs=1)
    assert report.unproved == ()
    assert report.discharges == with_it.discharges


def open_of(each: Attack) -> set[tuple[str, str, str]]:
    """Return what is not proved of an attack: of the attacked property, and whether anything may raise."""
    protocol = edited(each.name, *each.edits)
    found = left_open(protocol, each.transition, each.said, obligations.NEVER_CRASHES)
    return {(it.path, it.property, it.clause) for it in found}


@pytest.mark.parametrize("name", long_but(SOME, BY_NAME))
def test_an_attack_is_as_open_without_it(name: str, request: pytest.FixtureRequest) -> None:
    with_it = open_of(BY_NAME[name])
    assert with_it
    request.getfixturevalue("without_it")
    assert open_of(BY_NAME[name]) == with_it
