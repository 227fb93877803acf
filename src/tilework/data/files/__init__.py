"""Which files a path stands for, and what their folders and archives mean."""
