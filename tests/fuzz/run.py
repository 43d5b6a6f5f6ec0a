"""Fuzz one target, guided by coverage: `python tests/fuzz/run.py <target> [options of libFuzzer]`. What it finds is
written to .fuzz/<target>/ and belongs into tests/fuzz/corpus/ once it is mended. See `make fuzz`."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
for folder in ("src/handlers", "src", "tests/fuzz"):
    sys.path.insert(0, str(ROOT / folder))
INSTRUMENTED = ["truepoint", "targets"]
with atheris.instrument_imports(include=INSTRUMENTED):
    from seeds import seeds
    from targets import TARGETS


def main() -> None:
    """Begin with the seeds and what was found before. An input may take a minute by the clock, on a busy machine too:
    what it may cost is measured in CPU time by the target `cost`."""
    logging.disable()
    missing = set(INSTRUMENTED) - {name.split(".")[0] for name in sys.modules}
    assert not missing, f"expected to instrument {missing}, but nothing of that name is imported"
    target, *options = sys.argv[1:]
    corpus = ROOT / ".fuzz" / target
    corpus.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(text)
    atheris.Setup(
        [sys.argv[0], str(corpus), f"-artifact_prefix={corpus}-", f"-dict={ROOT / 'tests/fuzz/json.dict'}",
         "-max_len=20000", "-timeout=60", "-rss_limit_mb=2000", "-print_final_stats=1", *options],
        TARGETS[target],
    )  # fmt: skip
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    main()
