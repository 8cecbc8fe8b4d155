"""What `LearningRateMonitor` reads of a fit, and where it writes that."""
