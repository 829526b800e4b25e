"""Readers of news formats: a path becomes articles."""
