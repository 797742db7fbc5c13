"""The simulated internet: the production engine over memory streams, on a clock that jumps."""
