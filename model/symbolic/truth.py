"""What really happened, as terms: any inputs of any players, and the lockstep run of any world that follows."""

from __future__ import annotations

from typing import Any

import z3

from rollproof.model.fields import made
from rollproof.model.symbolic import values as s
from rollproof.model.symbolic.formulas import conjunction, disjunction, implication
from rollproof.model.symbolic.values import SBool, SDigest, SInt, SJoint, SOptional, STotals, SValue, lazy, term_of
from rollproof.reference.world import Simulation

_AT = (s.INT, s.INT)
TRUE_ACTION = z3.Function("true_action", s.INT, s.PLAYER, s.INT, s.ACTION)
TRUE_JOINT = z3.Function("true_joint", *_AT, s.JOINT)
TRUE_STATE = z3.Function("true_state", *_AT, s.STATE)
TRUE_RETURNS = z3.Function("true_returns", *_AT, s.TOTALS)
TRUE_DIGEST = z3.Function("true_digest", *_AT, s.DIGEST)
TRUE_END = z3.Function("true_end", s.INT, s.INT)
IS_ENDING = z3.Function("is_ending", s.INT, s.BOOL)
DIFFERS = z3.Function("differs", s.JOINT, *_AT, s.PLAYER)
"""A player whose action in a joint action is not the true one of the frame, if there is such a player."""


class SymbolicTruth:
    """The lockstep run of an episode of any game, with any inputs. Arguments are epochs and frames."""

    def __init__(self, epoch: Any) -> None:
        """Speak of the episode `epoch`, a term."""
        self.epoch = epoch

    def action(self, player: Any, frame: Any) -> SValue:
        return SValue(TRUE_ACTION(self.epoch, term_of(player), term_of(frame)))

    def joint(self, frame: Any) -> SJoint:
        return SJoint(TRUE_JOINT(self.epoch, term_of(frame)))

    def simulation(self, frame: Any) -> Simulation:
        frame = term_of(frame)
        over = conjunction((IS_ENDING(self.epoch), frame >= TRUE_END(self.epoch)))
        simulation: Simulation = made(
            lazy(Simulation),
            state=SValue(TRUE_STATE(self.epoch, frame)),
            returns=STotals(TRUE_RETURNS(self.epoch, frame)),
            steps=SInt(z3.If(over, TRUE_END(self.epoch), frame)),
            over=SBool(over),
        )
        return simulation

    def digest(self, frame: Any) -> SDigest:
        return SDigest(TRUE_DIGEST(self.epoch, term_of(frame)))

    @property
    def end(self) -> SOptional:
        return SOptional(IS_ENDING(self.epoch), SInt(TRUE_END(self.epoch)))

    def is_joint(self, joint: Any, frame: Any) -> Any:
        """Return the fact that a joint action in which every player does the true thing is the true one."""
        joint, frame = term_of(joint), term_of(frame)
        player = DIFFERS(joint, self.epoch, frame)
        differs = conjunction(
            (s.IS_PLAYER(player), s.ACTION_OF(joint, player) != TRUE_ACTION(self.epoch, player, frame))
        )
        return disjunction((differs, joint == TRUE_JOINT(self.epoch, frame)))

    def of_players(self) -> Any:
        """Return the fact that the true joint action holds every player's true action."""
        player, frame = z3.Const("p!true", s.PLAYER), z3.Int("f!true")
        joint = TRUE_JOINT(self.epoch, frame)
        return z3.ForAll(
            [player, frame],
            implication(s.IS_PLAYER(player), s.ACTION_OF(joint, player) == TRUE_ACTION(self.epoch, player, frame)),
            patterns=[s.ACTION_OF(joint, player)],
        )
