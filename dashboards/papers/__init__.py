"""Papers from the configuration: notice, impact assessment, works council sheet, register entry, own data."""

from dashboards.papers.compose import PAPERS, compose
from dashboards.papers.own_data import own_data_paper, write_own_data
from dashboards.papers.paper import Paper, Section, Table, paper_html, paper_text

__all__ = [
    "PAPERS",
    "Paper",
    "Section",
    "Table",
    "compose",
    "own_data_paper",
    "paper_html",
    "paper_text",
    "write_own_data",
]
