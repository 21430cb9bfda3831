"""Where the written cases come from: `python -m rollproof.conformance.generate` turns these modules into `cases/`."""
