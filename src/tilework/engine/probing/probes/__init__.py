"""One probe a file; `flat_colours.py` is the probe `flat-colours`."""
