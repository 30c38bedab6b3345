"""What needs a GPU: whether every engine computes on it, and how fast PyTorch gets there, rung by rung."""
