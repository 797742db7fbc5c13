"""Where a queue keeps what it took over: one port, in memory for worlds, on disk for servers."""
