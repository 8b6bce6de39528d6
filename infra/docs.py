"""Writes the tables of inputs and outputs into the README of each Terraform module, as terraform-docs does.

`terraform fmt` fixes the layout of the files, so blocks and attributes are found by their indentation.
"""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- BEGIN_TF_DOCS -->", "<!-- END_TF_DOCS -->"

_BLOCK = re.compile(
    r'^(?P<kind>variable|output|resource|data|module) (?P<labels>"[^{]*") \{\n(?P<body>.*?)^\}$',
    re.MULTILINE | re.DOTALL,
)
_ATTRIBUTE = re.compile(
    r"^  (?P<name>[a-z_]+) += (?P<value>.*?)(?=^  [a-z_]+(?: +=| \{)|\Z)", re.MULTILINE | re.DOTALL
)
_REQUIREMENTS = re.compile(r'required_version = "(?P<terraform>[^"]+)"')
_PROVIDER = re.compile(r"^    (?P<name>[a-z]+) = \{\n(?P<body>.*?)^    \}", re.MULTILINE | re.DOTALL)


class DescriptionError(Exception):
    """A variable or output lacks its description or type."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of a file: its kind, its labels and its attributes as text."""

    kind: str
    labels: tuple[str, ...]
    attributes: Mapping[str, str]

    def text(self, name: str) -> str:
        """The content of an attribute that is a quoted string."""
        found = self.attributes.get(name, "")
        if not (len(found) > 2 and found[0] == found[-1] == '"'):  # noqa: PLR2004 - the quotes
            raise DescriptionError(f'{self.kind} "{self.labels[0]}" needs a {name}, a string on one line')
        return found[1:-1].replace('\\"', '"').replace("$${", "${")


def blocks(directory: Path) -> Iterator[Block]:
    """The blocks of all files of a module, in the order of file names and lines."""
    for path in sorted(directory.glob("*.tf")):
        for found in _BLOCK.finditer(path.read_text("utf-8")):
            yield Block(
                kind=found["kind"],
                labels=tuple(re.findall(r'"([^"]+)"', found["labels"])),
                attributes=_attributes(found["body"]),
            )


def _attributes(body: str) -> dict[str, str]:
    lines = [line for line in body.splitlines(keepends=True) if not re.match(r" *(#|//)", line)]
    return {each["name"]: each["value"].strip() for each in _ATTRIBUTE.finditer("".join(lines))}


def tables(directory: Path) -> str:
    """The generated part of a README."""
    found = list(blocks(directory))
    variables = sorted((each for each in found if each.kind == "variable"), key=lambda each: each.labels)
    outputs = sorted((each for each in found if each.kind == "output"), key=lambda each: each.labels)
    resources = sorted({each.labels[0] for each in found if each.kind == "resource"})
    calls = sorted((each for each in found if each.kind == "module"), key=lambda each: each.labels)
    return "\n".join(
        [
            *_requirements(directory),
            *_section(
                "Modules",
                ("Name", "Source"),
                [(each.labels[0], f"`{each.text('source')}`") for each in calls],
            ),
            *_section("Resources", ("Type",), [(f"`{name}`",) for name in resources]),
            *_section(
                "Inputs", ("Name", "Description", "Type", "Default", "Required"), map(_input, variables)
            ),
            *_section(
                "Outputs",
                ("Name", "Description"),
                [(f"`{each.labels[0]}`", _cell(each.text("description"))) for each in outputs],
            ),
        ]
    ).strip()


def _requirements(directory: Path) -> list[str]:
    text = "".join(path.read_text("utf-8") for path in sorted(directory.glob("*.tf")))
    rows = [("terraform", f"`{found['terraform']}`") for found in _REQUIREMENTS.finditer(text)]
    for provider in _PROVIDER.finditer(text):
        version = re.search(r'version += "([^"]+)"', provider["body"])
        if version:
            rows.append((provider["name"], f"`{version[1]}`"))
    return _section("Requirements", ("Name", "Version"), rows)


def _input(block: Block) -> tuple[str, ...]:
    kind, default = block.attributes.get("type"), block.attributes.get("default")
    if kind is None:
        raise DescriptionError(f'variable "{block.labels[0]}" needs a type')
    return (
        f"`{block.labels[0]}`",
        _cell(block.text("description")),
        _code(kind),
        "n/a" if default is None else _code(default),
        "yes" if default is None else "no",
    )


def _section(title: str, columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    rows = list(rows)
    if not rows:
        return []
    return [
        f"## {title}",
        "",
        f"| {' | '.join(columns)} |",
        f"|{'|'.join(' --- ' for _ in columns)}|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
    ]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _code(text: str) -> str:
    if "\n" not in text:
        return f"`{_cell(text)}`"
    first, _, rest = text.partition("\n")
    lines = [first, *textwrap.dedent(rest).splitlines()]
    escaped = [_cell(line).replace("<", "&lt;").replace(" ", "&nbsp;") for line in lines]
    return f"<pre>{'<br/>'.join(escaped)}</pre>"


def updated(text: str, part: str) -> str:
    """A README with its generated part replaced; raises `DescriptionError` if it has no place for one."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise DescriptionError(f"the README has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{part}\n{END}{after}"


def is_current(directory: Path) -> bool:
    """Whether the README of a module exists and has the tables of its files."""
    path = directory / "README.md"
    if not path.is_file():
        return False
    text = path.read_text("utf-8")
    return updated(text, tables(directory)) == text


def main() -> int:
    """Write the READMEs of all modules and examples; a new one gets the module's name as its title."""
    from infra.check import directories  # noqa: PLC0415 - the checks import this module
    from infra.terraform_tools import ROOT  # noqa: PLC0415

    for name in directories():
        path = ROOT / name / "README.md"
        text = path.read_text("utf-8") if path.is_file() else f"# {path.parent.name}\n\n{BEGIN}\n{END}\n"
        path.write_text(updated(text, tables(path.parent)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
