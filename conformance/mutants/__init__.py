"""Wrong implementations, made of the reference: what the suite must be able to tell from it; and the test that it does.

May import `conformance.suite`, the adapters, `proofs` and `model.variants`.
"""
