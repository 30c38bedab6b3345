"""Parameters in, executed notebooks out, on this machine."""
