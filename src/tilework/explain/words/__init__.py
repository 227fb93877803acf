"""Words: one file for each part of the text, which makes lines from values and decides nothing."""
