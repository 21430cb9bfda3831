"""Profiles of the randomized tests: the usual one is short and always the same, ROLLPROOF_FUZZ=1 selects a long one."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, settings

from tests import LONG

settings.register_profile("usual", deadline=None, derandomize=True, max_examples=30, database=None)
settings.register_profile(
    "fuzz",
    deadline=None,
    max_examples=3000,
    suppress_health_check=[HealthCheck.too_slow],
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    print_blob=True,
)
settings.load_profile("fuzz" if LONG else "usual")
