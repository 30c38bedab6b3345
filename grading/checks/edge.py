"""What is right in part edge: judges over the student's own record."""
