"""Which tokens a masked prior hides in training, and how many it draws in each pass."""
