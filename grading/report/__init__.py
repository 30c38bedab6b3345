"""What a run measured, as tables and as one page."""
