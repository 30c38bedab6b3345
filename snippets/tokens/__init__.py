"""A small language model served token by token, for the optional notebook `7_tokens`."""
