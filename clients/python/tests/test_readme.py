"""The examples of the README that are marked to be run, each as a program of its own, one after the other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
TRAIN = """
import json, os
rate = float(os.environ["KATONIC_PARAM_LR"])
with open(os.environ["KATONIC_METRICS"], "w") as metrics:
    json.dump({"loss": rate / 2}, metrics)
print("trained")
"""


@pytest.mark.usefixtures("url", "token")
def test_the_examples_work(tmp_path: Path) -> None:
    folder = tmp_path / "churn"
    folder.mkdir()
    (folder / "train.py").write_text(TRAIN)
    examples = re.findall(r"<!-- run -->\n```python\n(.*?)```", README.read_text(), re.DOTALL)
    said = [run(example, folder) for example in examples]
    assert said[0] == "trained\nsucceeded {'loss': 0.05}\n"
    assert said[1] == "trained all\nparam.lr 0.1 0.2\n"
    assert "param.lr" in said[3]
    assert said[4].startswith("[0, 1, 2] [0.9, 0.8, 0.7]\n0:00:")
    assert said[5].startswith("['nightly'] ")
    assert said[6] == "hello\n"
    assert said[7].startswith("UNKNOWN_TIER ")
    assert said[8]


def run(program: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
