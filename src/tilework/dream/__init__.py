"""Dreaming: new images and motion from a prior over the tokens of an autoencoder, or from its latent space."""
