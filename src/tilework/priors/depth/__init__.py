"""The levels of one position, one after another."""
