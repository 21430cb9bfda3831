"""The proof obligations over the reference, and the checks on the proofs themselves."""
