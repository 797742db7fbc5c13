"""The queue of a mail transfer agent: what it holds, when it tries again, and what becomes of each recipient."""
