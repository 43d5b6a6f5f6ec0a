"""Runs with the same inputs may execute on different hosts at the same time: results do not depend on the CPU."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from hashlib import sha256
from random import Random
from typing import Any

import msgspec
from numpy._core import _multiarray_umath as numpy_core
from test_shared_out import SKELETON, files_of, manifest_line

from truepoint.groundtruth.annotation import annotate
from truepoint.pose.sigma_table import SigmaTable

COMMAND = "import pickle, sys, test_reproducible as t; print(t.digest(pickle.loads(sys.stdin.buffer.read())))"
FEATURES: list[str] = [name for name in numpy_core.__cpu_dispatch__ if numpy_core.__cpu_features__[name]]
"""What numpy would use of this CPU beyond what all CPUs of its kind have, each including the ones before."""


def digest(lines: list[Any]) -> str:
    """Of all results of a job."""
    files = files_of(lines, [], SKELETON, {}, one_worker=False, low=False)
    return sha256(msgspec.json.encode(sorted(files.items()))).hexdigest()


def nothing_labelled() -> None:
    """Consolidate answers without instances."""
    answers = [(worker, {"updated_annotations": []}) for worker in "abc"]
    assert annotate("0", "s3://bucket/a.jpg", answers, SigmaTable()).updated_annotations == []


def environment_of(**variables: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | variables


def digest_elsewhere(lines: bytes, **environment: str) -> str:
    """The digest by a process with this environment."""
    command = [sys.executable, "-c", COMMAND]
    return subprocess.run(
        command, env=environment_of(**environment), input=lines, capture_output=True, check=True
    ).stdout.decode()


def test_results_are_the_same_bytes_whatever_the_cpu_can_do() -> None:
    random = Random(7)
    # Made once: Python's random numbers depend on the CPU, too.
    lines = pickle.dumps([manifest_line(random, number, 4, ["stray"]) for number in range(150)])
    environments = [{"NPY_DISABLE_CPU_FEATURES": " ".join(FEATURES[start:])} for start in range(len(FEATURES))]
    # The C library has functions of its own for CPUs that multiply and add at once.
    environments.append({"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-FMA4,-AVX512F"})
    expected = digest_elsewhere(lines)
    assert [digest_elsewhere(lines, **environment) for environment in environments] == [expected] * len(environments)


def test_no_step_imports_numpys_masked_arrays() -> None:
    # They take longer to import than a batch of two images takes, and functions like np.setdiff1d import them.
    random = Random(8)
    lines = pickle.dumps([manifest_line(random, number, 4, []) for number in range(30)])
    command = COMMAND + "; t.nothing_labelled(); assert 'numpy.ma' not in sys.modules"
    subprocess.run([sys.executable, "-c", command], env=environment_of(), input=lines, check=True)
