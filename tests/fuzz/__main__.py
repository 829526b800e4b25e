"""Fuzzes each target for some time, guided by which code it reaches (atheris); what breaks one is kept as a case.

python -m tests.fuzz --seconds 300 [TARGET …]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FunctionType

CASES = Path(__file__).with_name("cases")
SEEDS = Path(__file__).parents[2] / "seeds" / "articles"


def run_one(name: str, arguments: list[str]) -> None:
    """Fuzzes one target in this process, which libFuzzer then ends."""
    import atheris

    from tests.fuzz.targets import TARGETS

    for module in [module for name, module in sys.modules.items() if name.startswith("backissue.")]:
        for one in [*vars(module).values()]:
            if isinstance(one, FunctionType) and one.__module__ == module.__name__:
                atheris.instrument_func(one)
    TARGETS[name](b"What is loaded once is loaded before the clock runs.")
    atheris.Setup(["fuzz", *arguments], TARGETS[name])
    atheris.Fuzz()


def seed(name: str, corpus: Path) -> None:
    """Gives a corpus what there is of that kind to begin with."""
    for path in SEEDS.rglob("*"):
        if path.is_file() and (path.name.endswith(f".{name}") or name in ("question", "passages")):
            (corpus / path.name).write_bytes(path.read_bytes()[:4000])
    for path in (CASES / name).glob("*") if (CASES / name).is_dir() else ():
        (corpus / path.name).write_bytes(path.read_bytes())


def fuzz(name: str, seconds: int) -> bool:
    """Fuzzes a target in a process of its own; whether it held."""
    with tempfile.TemporaryDirectory() as folder:
        corpus, found = Path(folder, "corpus"), Path(folder, "found")
        corpus.mkdir()
        found.mkdir()
        seed(name, corpus)
        limits = [f"-max_total_time={seconds}", "-max_len=4096", "-timeout=120", "-rss_limit_mb=2048", "-verbosity=1"]
        command = [
            sys.executable,
            "-m",
            "tests.fuzz",
            "--one",
            name,
            "--",
            *limits,
            f"-artifact_prefix={found}/",
            corpus,
        ]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        runs = re.findall(r"#(\d+)\s+\w+\s+cov: (\d+)", done.stderr)
        total, covered = runs[-1] if runs else ("0", "0")
        print(
            f"{name:<10} {seconds} s, {total} runs, {covered} branches, {'held' if not done.returncode else 'BROKEN'}"
        )
        for case in found.iterdir():
            (CASES / name).mkdir(parents=True, exist_ok=True)
            case.rename(CASES / name / case.name)
            print(f"           kept {CASES / name / case.name}")
        if done.returncode:
            print("\n".join(done.stderr.splitlines()[-40:]))
        return not done.returncode


def main() -> int:
    from tests.fuzz.targets import TARGETS

    parser = argparse.ArgumentParser()
    parser.add_argument("targets", nargs="*", choices=[[], *TARGETS])
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    held = [fuzz(name, given.seconds) for name in given.targets or TARGETS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        run_one(sys.argv[2], sys.argv[4:])
    else:
        sys.exit(main())
