"""The model on a small device: latency, soak, cold start, and where it pays to send a photo away."""
