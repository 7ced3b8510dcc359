"""The networks, their training, and the search for good settings."""
