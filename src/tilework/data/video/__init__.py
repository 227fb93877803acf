"""Video files: finding their frames, choosing some, decoding only those."""
