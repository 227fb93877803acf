"""Fine detail of images: what is seen of it, for the terms and metrics that judge it."""
