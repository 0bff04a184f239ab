"""The report as one web page that needs nothing else: plots and style are inside."""

import base64
from collections.abc import Mapping
from html import escape

from markdown_it import MarkdownIt

_STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 0 auto;
  padding: 1rem; }
h1, h2, h3 { line-height: 1.25; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #ddd; padding-bottom: .2rem; }
img { max-width: 100%; height: auto; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid #ddd; vertical-align: top; min-width: 4.5rem; }
th { text-align: left; background: #f4f4f4; } th:first-child, td:first-child { min-width: 9rem; }
td code { white-space: nowrap; } code { font-size: .9em; background: #f4f4f4; overflow-wrap: anywhere; }
"""
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def report_page(title: str, markdown: str, images: Mapping[str, bytes]) -> str:
    """HTML of a report. `images` are PNG files by the address that the Markdown gives them."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    for address, content in images.items():
        data = base64.b64encode(content).decode()
        body = body.replace(f'src="{escape(address)}"', f'src="data:image/png;base64,{data}"')
    body = body.replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
{body}</body>
</html>
"""
