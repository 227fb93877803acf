"""Pictures in: sources, the frame store, splits and batches."""
