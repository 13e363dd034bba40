"""Stands in for `az`, `docker` and `make`: records each call, and answers as the test says."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROGRAM = f"""#!{sys.executable} -IS
import json, pathlib, sys
here = pathlib.Path(__file__).parent
words = [pathlib.Path(__file__).name, *sys.argv[1:]]
with (here / "calls").open("a") as calls:
    calls.write(json.dumps(words) + "\\n")
said = " ".join(words)
for start, answer in json.loads((here / "answers").read_text()):
    if said.startswith(start):
        break
else:
    sys.exit(f"nobody told the test's {{words[0]}} what to say to: {{said}}")
if "file" in answer:
    pathlib.Path(words[words.index("--file") + 1]).write_text(json.dumps(answer["file"]))
if "error" in answer:
    sys.exit("ERROR: " + answer["error"])
print(json.dumps(answer.get("json")) if answer.get("json") is not None else answer.get("text", ""))
"""


class FakeTools:
    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._answers: dict[str, dict[str, Any]] = {}
        for name in ("az", "docker", "make"):
            program = folder / name
            program.write_text(PROGRAM)
            program.chmod(0o755)

    def answer(self, start: str, **answer: Any) -> None:
        """To calls that start so; of several, the longest start decides."""
        self._answers[start] = answer

    def answer_to(self, start: str) -> dict[str, Any]:
        return self._answers[start]

    def calls(self) -> list[list[str]]:
        path = self._folder / "calls"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def called(self, start: str) -> list[list[str]]:
        return [call for call in self.calls() if " ".join(call).startswith(start)]

    def forget(self) -> None:
        (self._folder / "calls").unlink(missing_ok=True)

    def deploy(self, *words: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        starts = sorted(self._answers.items(), key=lambda item: -len(item[0]))
        (self._folder / "answers").write_text(json.dumps(starts))
        return subprocess.run(
            [sys.executable, "-m", "deploy.azure", *words],
            cwd=ROOT,
            env=os.environ | {"PATH": f"{self._folder}{os.pathsep}{os.environ['PATH']}"},
            input=typed,
            capture_output=True,
            text=True,
            check=False,
        )
