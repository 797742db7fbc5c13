"""Lessons: their format, the goals that a student's own records reach, and the way through their steps."""
