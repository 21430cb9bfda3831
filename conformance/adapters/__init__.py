"""Adapters: the reference, templates to start from, and some that misbehave on purpose."""
