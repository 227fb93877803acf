"""Tokens on disk: what an autoencoder made of images and clips, in shards that another program can read as well."""
