"""Animated pictures: their frames as a viewer shows them, and when."""
