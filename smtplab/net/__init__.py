"""The world outside: sockets, TLS and DNS behind four small protocols, live or in memory."""
