"""Code in the documentation: what is fenced, and the commands in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).parents[2]

PAGES = (*(TOP / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")), *sorted(TOP.glob("docs/*.md")))

FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\S*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page. `language` is what stands after the fence."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class ShellLine:
    """A command as it is shown: continued lines joined, without its comment. `output` is what is shown below it."""

    where: str
    command: str
    output: str = ""

    def __str__(self) -> str:
        return f"{self.where} {self.command}"


def blocks(*languages: str) -> list[Block]:
    """All fenced blocks of all pages, or those in these languages."""
    return [block for page in PAGES for block in _blocks(page) if not languages or block.language in languages]


def _blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(text):
        body = re.sub(f"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        yield Block(page.relative_to(TOP).as_posix(), text.count("\n", 0, match.start()) + 1, match["language"], body)


def shell_lines() -> list[ShellLine]:
    """Every command in a block of `bash`, and after a `$` in a block of `console`."""
    lines = [ShellLine(str(block), command) for block in blocks("bash") for command in _commands(block.text)]
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
            shown, _, output = part.partition("\n")
            lines += [ShellLine(str(block), command, output) for command in _commands(shown)]
    return lines


def _commands(text: str) -> list[str]:
    joined = re.sub(r"\s*\\\n\s*", " ", text)
    bare = (re.sub(r"(^|\s+)#\s.*", "", line).strip() for line in joined.splitlines())
    return [" ".join(line.split()) for line in bare if line]
