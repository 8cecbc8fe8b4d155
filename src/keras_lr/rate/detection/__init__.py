"""Rules decided inside the training step: what is measured there, and who watches it."""
