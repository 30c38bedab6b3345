"""Short coding questions, graded by running the student's code where it can do no harm and learn nothing."""
