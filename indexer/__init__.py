"""Build and update indexes: read, clean, chunk, store, embed and publish."""
