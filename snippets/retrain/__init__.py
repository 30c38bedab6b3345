"""The same task trained again: for int8, with fewer weights, or by a teacher, and what each brings."""
