"""Animated images: their frames as a viewer shows them, and when."""
