"""What docs/operations.md tells people to type, so that these tests type it."""

import re

from ops.stack.roots import CLONE

_PAGE = (CLONE / "docs" / "operations.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def told(heading: str, first: str) -> str:
    """The block of commands under this heading whose first line begins so. There must be one."""
    (section,) = [
        part for part in re.split(r"^## ", _PAGE, flags=re.MULTILINE) if part.startswith(f"{heading}\n")
    ]
    (block,) = [block for block in _BLOCK.findall(section) if block.startswith(first)]
    return str(block)
