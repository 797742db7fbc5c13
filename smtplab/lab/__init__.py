"""What every front end calls: the walk, and the choice of world."""
