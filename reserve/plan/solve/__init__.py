"""Making a plan and proving how good it is."""
