"""Transforms: schedules made of other schedules. Composition takes the place of options."""
