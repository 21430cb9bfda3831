"""The protocol, in plain Python: config, state, transitions, tick and export."""
