"""The mail transfer agent: routing, delivering, receiving and queueing, over whatever network it is given."""
