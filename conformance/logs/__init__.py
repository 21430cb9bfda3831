"""Recorded logs of sessions: read line by line, judged in bounded memory, and made of simulated sessions.

May import `conformance.judge`; `record` also the simulated sessions of `model`.
"""
