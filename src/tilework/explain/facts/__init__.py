"""What is explained of a model, as values. Nothing here is worded: `words/` makes sentences of it, `drawing.py` an
image."""
