"""What a receiving server keeps for people: each message and each session, those that came to nothing too."""
