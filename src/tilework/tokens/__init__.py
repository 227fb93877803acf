"""Token folders: the codes of many images in shards, with a manifest of what they are and which model made them."""
