"""The compiled engine beside a model that trains on TensorFlow or torch: in a JAX process.

`engine.WorkerEngine` is the parent's side. It packs the job (`engines.portable`), starts the
process, and passes reports and verdicts on; `serve` is the process.
"""
