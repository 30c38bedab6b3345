"""The same task with a changed network: trained for int8, pruned, or taught by a larger one."""
