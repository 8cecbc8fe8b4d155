"""What reduces the learning rate best: schedules, rules and detectors on problems of minutes."""
