"""Five questions for each student, to be asked face to face: about the numbers of their own record."""
