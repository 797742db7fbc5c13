"""Recorded journeys, to files and back."""
