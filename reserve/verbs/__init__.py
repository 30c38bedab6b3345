"""What each verb of the command does: one verb, one module."""
