"""Mutants of the reference: small wrong changes made by rule, none of which `rollproof verify` may prove.

`make mutants` judges all of them, or a sample (`ARGS="--sample 40"`). `python -m benchmarks.mutants --help` says more.
"""
