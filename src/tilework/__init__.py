"""tilework: a workbench for image autoencoders."""
