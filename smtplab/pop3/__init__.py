"""Both halves of a POP3 dialogue, with no socket in sight."""
