"""`./simpul lock`: resolves requirements/*.in and deploy/kafka/jars.in into their locks, hashes and all."""

import argparse
import dataclasses
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from ops.refusal import Refusal
from ops.stack import jars

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = (
    "dev",
    "ops",
    "intake",
    "routing",
    "lapor_bridge",
    "sla_monitor",
    "simulator",
    "sbom",
)
"""dev first: it holds everything, and the others take their versions from it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the *.in allow")
    parser.add_argument("--only", choices=("requirements", "jars"), help="leave the other locks alone")


def run(args: argparse.Namespace) -> None:
    if args.only != "jars":
        for name in REQUIREMENTS:
            _compile(name, upgrade=args.upgrade)
            print(f"requirements/{name}.txt")
    if args.only != "requirements":
        locked = _resolve_jars()
        jars.LOCK.write_text(locked, encoding="utf-8")
        print(f"{jars.LOCK.relative_to(ROOT)}: {locked.count('sha256:')} jars")


def _compile(name: str, *, upgrade: bool) -> None:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--generate-hashes", "--universal"]
    command += ["--python-version", "3.11", "--no-emit-index-url", "--no-emit-find-links"]
    command += ["--custom-compile-command", "./simpul lock"]
    if upgrade:
        command.append("--upgrade")
    if name != "dev":
        command += ["--constraint", "requirements/dev.txt"]
    command += [f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        raise Refusal(f"requirements/{name}.in could not be resolved")


def _resolve_jars() -> str:
    """The text of the lock: every jar of the closure, in the order of the class path."""
    from jgo.maven import MavenContext
    from jgo.parse import Coordinate

    with tempfile.TemporaryDirectory() as cache:
        maven = MavenContext(repo_cache=Path(cache), local_repos=[])
        lines: dict[str, str] = {}
        for root in jars.roots():
            wanted = maven.create_dependency(
                dataclasses.replace(Coordinate.parse(root.coordinate), scope="compile")
            )
            inputs, needed = ([wanted], []) if root.alone else maven.resolver.resolve([wanted])
            for found in [*inputs, *(need for need in needed if need.scope in ("compile", "runtime"))]:
                coordinate = f"{found.groupId}:{found.artifactId}:{found.version}"
                digest = hashlib.sha256(found.artifact.resolve().read_bytes()).hexdigest()
                lines[coordinate] = f"{coordinate} sha256:{digest}"
    header = "# Made by ./simpul lock from jars.in. A jar with another sum is refused.\n"
    return header + "\n".join(lines.values()) + "\n"
