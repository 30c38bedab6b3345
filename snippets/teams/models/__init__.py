"""What runs inside Triton's Python backend for the teams. Like `snippets/triton/models`, these files know nothing of
the kit: each is copied beside the team's own file.
"""
