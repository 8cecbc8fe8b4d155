"""The compiled engine: many trials through one JAX program (JAX only).

`program.Program` turns a compiled Keras model into pure functions whose inputs include the rate
and the settings of its optimizer; `lanes` runs many copies of it side by side; `lockstep` is the
short way for a race: the same batches, one rate table, every step's loss.
"""

from keras_lr.engines.compiled.lockstep import batches_of, lockstep_losses
from keras_lr.engines.compiled.program import Program

__all__ = ["Program", "batches_of", "lockstep_losses"]
