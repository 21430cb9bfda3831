"""Plays a case against adapters, in virtual time: every request to them is made here, every packet's fate decided.

May import `conformance.cases`.
"""
