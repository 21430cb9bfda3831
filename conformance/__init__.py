"""The conformance suite: judges a rollback implementation in any language by what it does, alone."""
