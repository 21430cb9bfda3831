"""Teaching material whose every output is checked."""
