"""From one short measurement of a service on Triton to predictions of what it does in other settings."""
