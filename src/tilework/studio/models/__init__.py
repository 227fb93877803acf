"""Models that pages have open: one process for each checkpoint and device, started and ended here; no torch in the server."""
