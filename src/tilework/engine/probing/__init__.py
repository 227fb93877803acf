"""Looking at a trained model and its images for what rows cannot show. One probe is one file in `probes`; it measures
numbers, and the doctor's rules judge them.

Probes look at a copy of the model, with random numbers that are given back: the run is the same bit for bit with them and
without.
"""
