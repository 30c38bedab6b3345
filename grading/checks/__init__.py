"""Checks: pure functions from a Record to Results. No student code runs here, and nothing is measured."""
