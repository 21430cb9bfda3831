"""Runs of one peer, step by step: how they are kept, saved, read and shown.

May import `model.theorems`, `model.documents` and `reference`.
"""
