"""Search a news archive across languages: open an index and ask it."""
