"""The frame store: uint8 images in shards, made once and kept."""
