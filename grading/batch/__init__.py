"""A whole class: every submission graded, likenesses, the class page, the files for the staff."""
