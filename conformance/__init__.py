"""The conformance suite for implementations in any language."""
