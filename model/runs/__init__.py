"""Runs as pictures: one model of a run for traces, sessions and judged implementations, and the explorer that draws it.

May import `model.traces`, `model.sessions` and all that these may.
"""
