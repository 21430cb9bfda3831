"""Stand-ins on which the reference's own code runs and yields formulas, and the reading of properties on them.

Together with `proofs` the only place that imports z3. May import `model.theorems` and `reference`.
"""
