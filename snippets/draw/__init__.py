"""Charts and tables, drawn from records only."""
