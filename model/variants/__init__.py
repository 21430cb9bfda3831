"""Protocols that are known to be wrong: earlier revisions and single mistakes, made as edits of the present one.

May import `reference` and nothing else of ours.
"""
