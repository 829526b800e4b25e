"""Benchmarks: quality on public sets and speed against other libraries, each by one command."""
