"""Solutions of the coding questions, a module for each part, as a student may write them; for staff only.

    python -m grading.staff.solutions PART FOLDER

writes functions.py with the part's solutions to FOLDER, and the part's notebooks with them in their coding cells.
Grading does not read them: what is expected comes from grading/staff/judges/functions, by other code, and a test holds
the two against each other.
"""
