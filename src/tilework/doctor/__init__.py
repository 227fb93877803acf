"""What is wrong with a run, with evidence and one fix: rules over what the run wrote down. Needs no torch."""
