"""One rule a file; `dead_codes.py` is the rule of the code `dead-codes`."""
