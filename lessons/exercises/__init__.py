"""Exercises that check themselves: an answer, a run, an edit or an invariant is tried on the project's own code."""
