"""The verdict on a run: what each clause looks at, what it expects, and where it fails.

May import `conformance.runner` and `conformance.cases`.
"""
