"""Hooks of MkDocs: bring in files from outside `docs/`."""

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from tools.docs.asyncapi import as_yaml
from tools.docs.pages import OUTSIDE, ROOT, for_site


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the checkout that the site shows, and the AsyncAPI document."""
    for place, path in OUTSIDE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / path)))
    files.append(File.generated(config, "asyncapi.yaml", content=as_yaml()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Turn a page into one of the site."""
    source = Path(page.file.abs_src_path or "")
    return for_site(markdown, source.parent)
