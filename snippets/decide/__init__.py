"""Which variant to deploy: targets, published figures, prices, and the front of options."""
