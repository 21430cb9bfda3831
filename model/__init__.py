"""What the reference means: lockstep truth, network, properties, symbolic values and search."""
