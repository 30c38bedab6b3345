"""What is right in part model: judges over the student's own record."""
