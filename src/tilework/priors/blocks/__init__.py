"""What the transformers over tokens are made of: one idea per file."""
