"""Shapes: schedules that are made of nothing but numbers."""
