"""Matrix multiplication from plain loops to the limit, and where layers and services lie below that limit."""
