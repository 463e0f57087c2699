"""Files of the repository that lie outside ``docs/`` and are part of the site.

The README is the first page. Links keep the form that works where the repository is browsed.
``../CONTRIBUTING.md`` in a page of ``docs/`` becomes a link to the page that is made of it, and a link to an
example becomes a link to the page that shows the examples. A link to anything else is left as it is, and
``--strict`` refuses it.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]

PAGES = ("CONTRIBUTING.md", "CHANGELOG.md", "leaderboards/README.md", "harness/models/weights/README.md")
"""Pages beside the benchmarks' own, which keep their path."""

EXAMPLES = "examples/selfreward_examples"
"""The folder whose files make one page."""

FILES = {"docs/examples/gate.toml": "toml", "docs/examples/checkpoint-gate.yml": "yaml"}
"""Files of ``docs/`` that are shown as a page rather than downloaded."""

NOTEBOOK = "examples/quickstart.ipynb"

LINK = re.compile(r"(?<=\]\()(?P<target>[^)#\s:]+)(?P<anchor>#[^)\s]*)?(?=\))")


def repository_pages() -> dict[str, str]:
    """Path in the repository -> path in the site, for every page that is made here."""
    made = {"README.md": "index.md"} | {name: name for name in PAGES}
    made |= {path.relative_to(ROOT).as_posix(): path.relative_to(ROOT).as_posix()
             for path in ROOT.glob("tasks/*/README.md")}  # fmt: skip
    made |= dict.fromkeys(("examples", EXAMPLES), "examples.md")
    made[NOTEBOOK] = NOTEBOOK
    made |= {path.relative_to(ROOT).as_posix(): "examples.md" for path in (ROOT / EXAMPLES).glob("my_*.py")}
    return made | {name: name.removeprefix("docs/") + ".md" for name in FILES}


def site_path(path: str) -> str:
    """Where a file of the repository is in the site; ``""`` if it is not part of it."""
    made = repository_pages()
    if path in made:
        return made[path]
    inside = path.removeprefix("docs/")
    return inside if inside != path and (ROOT / path).is_file() else ""


def source_path(page: str) -> str:
    """The file of the repository that a page of the site is made of."""
    made = {site: path for path, site in repository_pages().items() if path.endswith(".md")}
    return made.get(page, f"docs/{page}")


def relinked(text: str, page: str) -> str:
    """``text`` of the site's ``page``, its links moved from the repository's tree to the site's."""
    folder = posixpath.dirname(source_path(page))

    def moved(link: re.Match[str]) -> str:
        wanted = site_path(posixpath.normpath(posixpath.join(folder, link["target"])))
        anchor = link["anchor"] or ""
        return posixpath.relpath(wanted, posixpath.dirname(page) or ".") + anchor if wanted else link[0]

    return LINK.sub(moved, text)


def examples_page() -> str:
    """The example package as one page."""
    parts = ["# The example plug-ins", "A package of one task, model, rewarder and trainer, to copy from."]
    for path in sorted((ROOT / EXAMPLES).glob("my_*.py")):
        parts.append(f"## {path.name}\n\n```python\n{path.read_text(encoding='utf-8')}```")
    declared = (ROOT / "examples" / "pyproject.toml").read_text(encoding="utf-8")
    parts.append(f"## pyproject.toml\n\n```toml\n{declared}```")
    return "\n\n".join(parts)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds what lies outside ``docs/``."""
    from mkdocs.structure.files import File

    for path, site in repository_pages().items():
        if path.endswith(".md"):
            text = (ROOT / path).read_text(encoding="utf-8")
        elif path in FILES:
            name = posixpath.basename(path)
            text = f"# {name}\n\n```{FILES[path]}\n{(ROOT / path).read_text(encoding='utf-8')}```"
        else:
            continue
        files.append(File.generated(config, site, content=text))
    files.append(File.generated(config, NOTEBOOK, abs_src_path=str(ROOT / NOTEBOOK)))
    files.append(File.generated(config, "examples.md", content=examples_page()))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Moves the links of one page."""
    return relinked(markdown, page.file.src_uri)


ROLE = re.compile(r":(?:class|func|meth|mod|data|attr):(?=<code>)")


def on_page_content(html: str, **_: object) -> str:
    """Docstrings name things by Sphinx's roles; without it the name alone is shown."""
    return ROLE.sub("", html).replace("<code>~", "<code>")
