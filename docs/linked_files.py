"""A hook of MkDocs that brings linked files of the repository into the site.

The pages link to files outside of `docs/` by their paths in the repository, such as `../results/speed.md`, so that the
links work there. In the site these files are under `repository/`: Markdown becomes pages, whose own links are followed
too, other files are copied, and links to folders become plain text.
"""

from __future__ import annotations

import pathlib
import posixpath
import re

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
FOLDER = "repository"
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files, config):
    """Adds what the pages link to, and what these link to."""
    from mkdocs.structure.files import File

    waiting = [f"docs/{file.src_uri}" for file in files.documentation_pages()]
    while waiting:
        page = waiting.pop()
        for path in linked(page):
            if files.get_file_from_path(in_site(path)) is None:
                files.append(File.generated(config, in_site(path), abs_src_path=str(REPOSITORY / path)))
                waiting += [path] if path.endswith(".md") else []
    return files


def on_page_markdown(markdown, page, config, files):
    """Points the links of a page at the places of files in the site."""
    inside = page.file.src_uri.removeprefix(f"{FOLDER}/")
    return rewritten(markdown, inside if inside != page.file.src_uri else f"docs/{inside}")


def linked(page: str) -> list[str]:
    """The files that a page links to; all are paths in the repository."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    paths = (_resolved(page, link[3]) for link in _LINK.finditer(text))
    return [path for path in dict.fromkeys(paths) if (REPOSITORY / path).is_file()]


def rewritten(text: str, page: str) -> str:
    """The Markdown of a page of the repository, with links that work in the site."""

    def link(found: re.Match) -> str:
        image, words, target, place = found.groups()
        path = _resolved(page, target)
        if not (REPOSITORY / path).is_file():
            return words
        return f"{image}[{words}]({posixpath.relpath(in_site(path), posixpath.dirname(in_site(page)))}{place or ''})"

    return _LINK.sub(link, text)


def in_site(path: str) -> str:
    """Where a file of the repository is among the files of the site."""
    return path.removeprefix("docs/") if path.startswith("docs/") else f"{FOLDER}/{path}"


def _resolved(page: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
