"""A document's examples as they stand in it: files to be saved, commands to be run, what these print."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py) ")
_ASSIGNMENT = re.compile(r"^([A-Z_]+)=", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """Some lines of shell, the variables that they set, and the lines they should print."""

    line: int
    script: str
    sets: tuple[str, ...]
    prints: tuple[str, ...]


def files(document: str) -> dict[str, str]:
    """The Python programs, by the name in their first line."""
    programs = [text for kind, text in _BLOCK.findall(document) if kind == "python"]
    return {found[1]: text for text in programs if (found := _FILE.match(text))}


def examples(document: str) -> Iterator[Example]:
    """Every ```sh block, with the ```text block that follows on it."""
    blocks = list(_BLOCK.finditer(document))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block[1] != "sh":
            continue
        printed = following[2].splitlines() if following is not None and following[1] == "text" else []
        line = document.count("\n", 0, block.start()) + 1
        yield Example(line, block[2], tuple(_ASSIGNMENT.findall(block[2])), tuple(printed))


def put_command(root: Path, words: Sequence[str]) -> Path:
    """A `simpul` under `root` that runs these words, followed by what is given to it."""
    script = root / "simpul"
    script.write_text("#!/bin/sh\nexec " + " ".join(f"'{word}'" for word in words) + ' "$@"\n')
    script.chmod(0o755)
    return script


_VARYING = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<instant>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)"
    r"|(?P<ticket>\b(?=[A-Z]*\d)[0-9A-HJKMNP-TV-Z]{11}\b)"
    r"|(?P<anything>…)"
)
_SHAPES = {
    "uuid": r"[0-9a-f-]{36}",
    "instant": r"\d{4}-\d\d-\d\dT[\d:.]+Z",
    "ticket": r"[0-9A-HJKMNP-TV-Z]{11}",
    "anything": ".*",
}


@dataclass
class Reader:
    """Compares what is printed with what the document says. Names in the document stand for the real ones:

    a ticket or an id may be another one, but the same wherever the document has the same; an instant may be
    any; `…` stands for anything.
    """

    bound: dict[str, str] = field(default_factory=dict)

    def missing(self, expected: Sequence[str], printed: Sequence[str]) -> list[str]:
        """Expected lines that were not printed in this order; empty where all were, and only then names are bound."""
        before, lines = dict(self.bound), iter(printed)
        for position, wanted in enumerate(expected):
            if not any(self._is(wanted, line) for line in lines):
                self.bound = before
                return list(expected[position:])
        return []

    def _is(self, wanted: str, line: str) -> bool:
        pattern, names, end = "", [], 0
        for found in _VARYING.finditer(wanted):
            pattern += re.escape(wanted[end : found.start()])
            kind, end = str(found.lastgroup), found.end()
            if kind in ("anything", "instant"):
                pattern += _SHAPES[kind]
            elif found[0] in self.bound:
                pattern += re.escape(self.bound[found[0]])
            else:
                pattern += f"({_SHAPES[kind]})"
                names.append(found[0])
        matched = re.fullmatch(pattern + re.escape(wanted[end:]), line)
        if matched is None:
            return False
        self.bound.update(zip(names, matched.groups(), strict=True))
        return True
