"""Fine detail of images: what is seen of it, for the terms and figures that judge it."""
