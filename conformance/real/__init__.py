"""Real, shipped implementations: `python -m conformance.real` installs, judges, compares with what is published."""
