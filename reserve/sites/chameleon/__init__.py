"""Chameleon's sites through python-chi and their REST interfaces."""
