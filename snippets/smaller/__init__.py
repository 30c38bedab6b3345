"""Smaller networks: other architectures, fewer bits for a number, and what each costs."""
