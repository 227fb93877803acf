"""A trainer without a model: what it sends is made from the protocol's models. For tests, and for benchmarks of the
studio."""
