"""The shortest run that violates a property, found breadth first in small instances; or that there is none in them.

May import `model.theorems`, `model.traces` and `reference`.
"""
