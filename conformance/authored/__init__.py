"""Where the written cases come from: `python -m conformance.generate` turns these modules into `cases/`."""
