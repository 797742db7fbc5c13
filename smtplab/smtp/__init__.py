"""Both halves of an SMTP dialogue, with no socket in sight."""
