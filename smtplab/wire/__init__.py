"""The grammar of SMTP: bytes become values once, here, and values become bytes once."""
