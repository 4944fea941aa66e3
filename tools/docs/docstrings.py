"""Read the docstrings under the attributes of a class, which Python does not keep."""

import ast
import inspect
from collections.abc import Iterable
from itertools import pairwise
from textwrap import dedent


def attribute_docstrings(owner: type) -> dict[str, str]:
    """Return attribute name → the docstring under it, as one line.

    Args:
        owner: A class whose source can be read. Inherited attributes are left out.
    """
    [definition] = ast.parse(dedent(inspect.getsource(owner))).body
    assert isinstance(definition, ast.ClassDef)
    found = {}
    for statement, following in pairwise(definition.body):
        match statement, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found


def table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table; `|` in a cell is escaped."""
    lines = [headings, ("---",) * len(headings), *rows]
    return "".join(
        "| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )
