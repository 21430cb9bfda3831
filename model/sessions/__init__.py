"""Whole sessions of several peers over a faulty network, on a virtual clock: scenarios, schedules and campaigns.

May import `model.variants`, `model.documents` and `reference`.
"""
