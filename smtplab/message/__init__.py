"""What a message is made of: its header, its trace lines and the notices about its delivery."""
