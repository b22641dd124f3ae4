"""The parts of ``bench/comparison.py``. Everything runs on one core, settled here before any library starts threads."""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.environ["JAX_PLATFORMS"] = "cpu"
if hasattr(os, "sched_setaffinity"):  # where it is missing, XLA may use more
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
