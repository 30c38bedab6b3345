"""The Gradescope autograder: an archive that needs only Python's standard library and numpy."""
