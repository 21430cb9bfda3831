"""Protocols of one's own: a file that changes the present protocol, what it states beside it, and how it is loaded.

It may import `model.theorems` and what lies below.
"""
