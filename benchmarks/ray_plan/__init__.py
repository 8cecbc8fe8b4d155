"""What a sweep on a Ray cluster costs beside its arithmetic, measured here, and a plan made of it.

    make bench-ray
    python -m benchmarks.ray_plan [--trials 10000] [--gpus 100] [--step-us 2000] [--storage URL ...]

Measures, on a cluster of two nodes on this machine: the start of a worker, a task, a report's way
to the driver and back, the object store; and Optuna's samplers and storages by the tuner's own
calls. Then lays out the sweep, and says which part is saturated at how many GPUs. The one figure
that has to come from elsewhere is a step's time on the GPU: `study.plan` of a small study tells it.
"""
