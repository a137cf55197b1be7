"""What MkDocs does not do by itself: pages of the repository that are not in docs/, links to them, and a page for all decisions.

Links in the Markdown are relative to the file in the repository, so that a forge can follow them. On the site README.md is the home page, other
Markdown files of the repository are pages beside it, and a file of code that a page links to has a page with its text.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
DOCS = PurePosixPath("docs")
DECISIONS = "decisions/index.md"
MARKDOWN = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)\s#]+)(#[^)\s]*)?\)")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Every decision is in the navigation."""
    for group in config.nav or ():
        for pages in group.values():
            for entry in pages if isinstance(pages, list) else ():
                if isinstance(entry, dict) and entry.get("Decisions") == [DECISIONS]:
                    entry["Decisions"] = [DECISIONS, *(f"decisions/{path.name}" for path in decisions())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages that are not in docs/."""
    for source, page in MARKDOWN.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    files.append(File.generated(config, DECISIONS, content=list_of_decisions()))
    for source in linked_code():
        text = (ROOT / source).read_text("utf-8")
        language = {"py": "python"}.get(PurePosixPath(source).suffix[1:], "")
        content = f"# {source}\n\n```{language}\n{text}```\n"
        files.append(File.generated(config, place(source), content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    here = page.file.src_uri
    if here == DECISIONS or here.startswith("code/"):
        return markdown
    return relinked(markdown, {page: source for source, page in MARKDOWN.items()}.get(here, f"{DOCS}/{here}"))


def decisions() -> list[Path]:
    return sorted((ROOT / DOCS / "decisions").glob("[0-9]*.md"))


def list_of_decisions() -> str:
    titles = [(path.name, path.read_text("utf-8").splitlines()[0].removeprefix("# ")) for path in decisions()]
    lines = [f"- [{title.replace('. ', ' – ', 1)}]({name})" for name, title in titles]
    return "\n".join(["# Decisions\n", "What may be questioned, with its reasons and what was given up.\n", *lines, ""])


def relinked(markdown: str, here: str) -> str:
    """The text of the file `here` of the repository, with links to files of the repository as links between pages."""
    start = PurePosixPath(place(here)).parent

    def changed(found: re.Match[str]) -> str:
        target = place(normpath(str(PurePosixPath(here).parent / found[1])))
        return f"]({relpath(target, start)}{found[2] or ''})"

    return "\n".join(line if fenced else LINK.sub(changed, line) for line, fenced in lines_of(markdown))


def lines_of(markdown: str) -> Iterator[tuple[str, bool]]:
    """Each line, and whether it is in a block of code."""
    inside = False
    for line in markdown.split("\n"):
        fence = line.lstrip().startswith("```")
        yield line, inside or fence
        inside ^= fence


def place(source: str) -> str:
    """Where a file of the repository is on the site."""
    path = PurePosixPath(source)
    if path == DOCS / "decisions":
        return DECISIONS
    if path.is_relative_to(DOCS):
        return str(path.relative_to(DOCS))
    return MARKDOWN.get(source, f"code/{source}.md")


def linked_code() -> list[str]:
    """The files of the repository that pages link to and that are no pages."""
    pages = [*MARKDOWN, *(path.relative_to(ROOT).as_posix() for path in (ROOT / DOCS).rglob("*.md"))]
    found = {
        normpath(str(PurePosixPath(page).parent / link[1]))
        for page in pages
        for line, fenced in lines_of((ROOT / page).read_text("utf-8"))
        if not fenced
        for link in LINK.finditer(line)
    }
    return sorted(each for each in found if place(each).startswith("code/") and (ROOT / each).is_file())
