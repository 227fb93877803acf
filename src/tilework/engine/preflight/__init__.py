"""The checks before a run: what would waste it is found in some seconds, by trying. One check is one file in `checks`.

A copy of the model is tried out, with random numbers that are given back: the run is the same bit for bit with the checks and
without them.
"""
