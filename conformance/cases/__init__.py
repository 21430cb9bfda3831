"""The cases: a JSON file each, by family, and what reads, checks and writes them.

May import `conformance.schema` and the reference.
"""
