"""The skeleton creator's reader of YAML (src/ui/lib/creator/yaml.js) against PyYAML."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
READ = """
import { readYaml } from "./src/ui/lib/creator/yaml.js";
let text = "";
for await (const part of process.stdin) text += part;
const read = (yaml) => {
  try {
    return JSON.parse(JSON.stringify(readYaml(yaml)));
  } catch (error) {
    return String(error);
  }
};
process.stdout.write(JSON.stringify(JSON.parse(text).map(read)));
"""
WORDS = [
    *["nose", "left ear", "l_eye.001", "a: b", "a:b", "#x", "x #y", "x#y", "- a", "-a", "yes", "no", "null", "~"],
    *["it's", 'say "x"', "a, b", "[a]", "{a}", "0", "0.95", "1e3", "é 头 🐘", "", " lead", "trail ", "two  spaces"],
    *["tab\there", "back\\slash", "C:\\videos\\a.avi", "line\nbreak", "line\n\nbreaks\n", "a word " * 12],
    *["%x", "@x", "`x", "&x", "*x", "!x", "|", ">", "?", "? x", ":", "-", "---", "...", "<<", "="],
]


def value(random_: random.Random, depth: int = 0) -> Any:
    kind = random_.random()
    if depth > 2 or kind < 0.4:
        return random_.choice(WORDS)
    if kind < 0.75:
        return [value(random_, depth + 1) for _ in range(random_.randrange(4))]
    return {random_.choice(WORDS): value(random_, depth + 1) for _ in range(random_.randrange(4))}


def test_yaml_written_by_pyyaml_is_read_as_by_pyyaml() -> None:
    random_ = random.Random(5)
    texts, expected = [], []
    for _ in range(4000):
        data = {random_.choice(WORDS): value(random_) for _ in range(random_.randrange(1, 5))}
        style: dict[str, Any] = {
            "default_flow_style": random_.choice([True, False, None]),
            "default_style": random_.choice([None, None, None, "'", '"']),
            "width": random_.choice([20, 80, 1000]),
            "indent": random_.choice([2, 4]),
            "allow_unicode": random_.random() < 0.5,
            "explicit_start": random_.random() < 0.2,
            "sort_keys": False,
        }
        texts.append(yaml.dump(data, **style))
        # Some texts do not come back as PyYAML got them: what it reads is the measure.
        expected.append(yaml.safe_load(texts[-1]))
    run = subprocess.run(
        ["node", "--input-type=module", "-e", READ],
        cwd=ROOT, input=json.dumps(texts), capture_output=True, check=True, text=True,
    )  # fmt: skip
    wrong, left_out = [], 0
    for text, got, data in zip(texts, json.loads(run.stdout), expected, strict=True):
        # Beyond the reader: keys of the long form, tags, block texts.
        if "? " in text or "|" in text or "!!" in text:
            left_out += 1
        elif got != data:
            wrong.append((text, got, data))
    assert wrong[:3] == []
    assert left_out < len(texts) / 2
