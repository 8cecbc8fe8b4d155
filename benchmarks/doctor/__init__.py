"""How often `diagnose` is wrong: alarms on healthy runs, and ill runs that it takes for healthy."""
