"""Several teams on one platform: their models, a card of numbers each, and one template that makes services of them."""
