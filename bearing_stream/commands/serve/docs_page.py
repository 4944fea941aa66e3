"""The page `/docs`: the OpenAPI description as plain HTML, which needs no other host."""

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

STYLE: Final = (
    "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:.7rem;overflow:auto}"
    "td,th{text-align:left;vertical-align:top;padding:.1rem 1rem .1rem 0}"
)

SHOWN: Final = 6
"""Items of an example's array that are shown; a record has 2048."""


def page(description: Mapping[str, Any]) -> str:
    """Return the description of an interface as an HTML page.

    Args:
        description: An OpenAPI document.
    """
    info = description["info"]
    title = escape(f"{info['title']} {info['version']}")
    body = "\n".join(
        line
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
        for line in _operation(f"{method.upper()} {path}", operation)
    )
    schemas = "\n".join(
        f"<h3>{escape(name)}</h3>{_code(schema)}"
        for name, schema in description["components"]["schemas"].items()
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{STYLE}</style><h1>{title}</h1><p>{escape(info.get('summary', ''))} "
        'The same for programs: <a href="openapi.json">openapi.json</a>.</p>'
        f"{body}<h2>Schemas</h2>{schemas}</html>"
    )


def _operation(name: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{escape(name)}</h2><p>{escape(operation.get('description', ''))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h3>Parameters</h3>"
        yield _table((each["name"], each.get("description", "")) for each in parameters)
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h3>Body, {escape(kind)}</h3>"
        if described := content["schema"].get("description"):
            yield f"<p>{escape(described)}</p>"
        if "example" in content:
            yield _code(content["example"])
    yield "<h3>Responses</h3>"
    responses = operation["responses"]
    yield _table((status, each["description"]) for status, each in responses.items())
    for status, each in responses.items():
        example = each.get("content", {}).get("application/json", {}).get("example")
        if example is not None:
            yield f"<p>{escape(status)}, for example:</p>{_code(example)}"


def _table(rows: Iterator[tuple[str, str]]) -> str:
    cells = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows
    )
    return f"<table>{cells}</table>"


def _code(value: Any) -> str:
    return f"<pre>{escape(json.dumps(_shortened(value), indent=2))}</pre>"


def _shortened(value: Any) -> Any:
    """Cut long arrays: an example has all samples of a window."""
    if isinstance(value, dict):
        return {name: _shortened(item) for name, item in value.items()}
    if isinstance(value, list):
        rest = len(value) - SHOWN
        shown = [_shortened(item) for item in value[:SHOWN]]
        return [*shown, f"… {rest} more"] if rest > 0 else shown
    return value
