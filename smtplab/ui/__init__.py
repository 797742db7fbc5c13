"""The terminal UI: it renders records and posts requests."""
