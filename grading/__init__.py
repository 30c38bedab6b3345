"""Questions, checks, submissions and grades. Reads run records; never needs a GPU."""
