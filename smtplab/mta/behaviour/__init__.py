"""How a server may behave otherwise than well: its faults, its opinions of its clients, and other servers' manners."""
