"""What is right in part system: judges over the student's own record."""
