"""Plan a class: fair lease times for every student before a due date, with proven bounds."""
