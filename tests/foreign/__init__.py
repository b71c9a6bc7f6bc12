"""A register nobody shaped for us, loaded with one contract file and one area list."""
