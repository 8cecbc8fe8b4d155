# make demo            find, tune, schedule and reduce the rate of a real model (JAX)
# make test            the suite on JAX, without the long tests; ALL=1 runs them too, as CI does
# make test-backends   the suite on TensorFlow and on torch, one process and environment each
# make test-ray        the Ray engine's tests, on a cluster of several nodes on this machine
# make test-trackers   what a monitor logs, read back from MLflow, W&B and Keras's TensorBoard
# make lint            ruff, pyright, and the import layers
# make bench-ray       what a sweep on a Ray cluster costs, and a plan (docs/ray.md)
# make docs            the documentation as a site, in build/docs; a warning is an error
# make bench           the numbers in docs/benchmarks.md
# make bench-tune      those of tuning alone (most of an hour; QUICK=--quick: that everything runs)
#
# An environment is made when it is first needed and again when pyproject.toml or constraints.txt
# change; nothing outside the .venv* folders is touched.

PYTHON ?= python3
PIP_FLAGS = --quiet --disable-pip-version-check --constraint constraints.txt
# Two processes, a file to each; more gain little, since the backends use several cores themselves.
# The longest files come first: tests/conftest.py names them.
PARALLEL = --numprocesses 2 --dist loadfile --no-loadscope-reorder
QUICK_TESTS = $(if $(ALL),,--quick)
WHY = pyproject.toml constraints.txt
# The libraries whose schedules the recipes are held against, where there are any.
PEERS_torch = ,peers-torch
# A driver on torch sends its trials to workers on JAX.
PEERS_ray = ,torch
# W&B's Keras callback and Keras's TensorBoard callback need TensorFlow.
PEERS_trackers = ,tensorflow

.PHONY: demo test test-backends test-tensorflow test-torch test-ray test-trackers bench-ray lint docs bench bench-tune clean

demo: .venv/ready
	.venv/bin/keras-lr demo

test: .venv/ready-test
	KERAS_BACKEND=jax .venv/bin/python -m pytest $(PARALLEL) $(QUICK_TESTS)

test-backends: test-tensorflow test-torch

test-tensorflow: .venv-tensorflow/ready
	KERAS_BACKEND=tensorflow .venv-tensorflow/bin/python -m pytest $(PARALLEL) $(QUICK_TESTS)

test-torch: .venv-torch/ready
	KERAS_BACKEND=torch .venv-torch/bin/python -m pytest $(PARALLEL) $(QUICK_TESTS)

# In an environment of its own: Ray is 80 MB. One process, since the tests share a cluster.
test-ray: .venv-ray/ready
	KERAS_BACKEND=jax .venv-ray/bin/python -m pytest -p no:xdist tests/on_ray

# In an environment of its own: MLflow and W&B bring 220 MB.
test-trackers: .venv-trackers/ready
	KERAS_BACKEND=tensorflow .venv-trackers/bin/python -m pytest -p no:xdist tests/on_trackers

lint: .venv/ready-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/pyright
	.venv/bin/lint-imports --no-cache

# In an environment of its own, since a site needs no tools of the tests.
docs: .venv-docs/ready
	.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going docs build/docs
	@echo "The site is in build/docs/index.html"

.venv-docs/ready: $(WHY)
	@echo "Making the environment in .venv-docs, once; a minute."
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install $(PIP_FLAGS) --editable ".[docs]"
	@touch $@

bench: .venv/ready-bench
	KERAS_BACKEND=jax .venv/bin/python -m benchmarks

bench-tune: .venv/ready-bench
	KERAS_BACKEND=jax .venv/bin/python -m benchmarks.tune $(QUICK)

.venv/ready: $(WHY)
	@echo "Making the environment in .venv (JAX), once; about a minute."
	$(PYTHON) -m venv .venv
	.venv/bin/pip install $(PIP_FLAGS) --editable ".[jax,demo]"
	@touch $@

.venv/ready-%: .venv/ready
	@echo "Adding the $* tools to .venv, once."
	.venv/bin/pip install $(PIP_FLAGS) --editable ".[peers-jax,$*]"
	@touch $@

# With JAX, whose process tunes what trains on another backend.
.venv-%/ready: $(WHY)
	@echo "Making the environment in .venv-$*, once; a few minutes."
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/pip install $(PIP_FLAGS) --editable ".[$*,jax,demo,test$(PEERS_$*)]"
	@touch $@

bench-ray: .venv-ray/ready
	KERAS_BACKEND=jax .venv-ray/bin/python -m benchmarks.ray_plan

clean:
	rm -rf .venv .venv-tensorflow .venv-torch .venv-ray .venv-trackers .venv-docs
