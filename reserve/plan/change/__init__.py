"""A plan meets the world: checked, applied, changed, explained, simulated."""
