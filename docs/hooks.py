"""MkDocs hook: files of the top folder that are pages, too.

Links are written so that they work where the sources are read (`../models/vector.md`, `docs/safety.md`). The site has
the pages of both folders side by side, so the leading folder is taken off.
"""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

OF_THE_TOP = (
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "models/*.md",
    "models/studies/*/report.*",
    "models/studies/*/study.toml",
    "models/studies/*/plots/*.png",
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the top folder."""
    top = Path(config.config_file_path).parent
    for pattern in OF_THE_TOP:
        for path in sorted(top.glob(pattern)):
            name = path.relative_to(top).as_posix()
            files.append(File(name, str(top), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Take the leading folder off links between the two folders."""
    of_docs = Path(page.file.abs_src_path or "").is_relative_to(config.docs_dir)
    return re.sub(r"\]\(\.\./" if of_docs else r"\]\(docs/", "](", markdown)
