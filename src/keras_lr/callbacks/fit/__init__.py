"""One `fit` of a `LearningRate`: laid out, followed, its rules obeyed, explained."""
