"""nbgrader: releasing, mending, autograding, and the locked cells."""
