"""Priors over tokens: one file per kind; each also works alone in any PyTorch program."""
