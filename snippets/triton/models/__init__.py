"""Models for Triton's Python backend. Each file is copied into a model repository as `model.py`.

They run inside Triton's stub process, which knows neither this package nor the kit: they import what lies
beside them and what the server's Python has.
"""
