"""No module needs itself through others: whoever reads one file can read what it rests on first."""

from __future__ import annotations

from graphlib import TopologicalSorter

import grimp

ROOMS = ("sensors", "ingest", "analysis", "indicators", "dashboards", "simulators")


def test_imports_go_in_no_circle() -> None:
    # Those inside functions and those for type checkers only count too.
    graph = grimp.build_graph(*ROOMS, cache_dir=None)
    assert len(graph.modules) > 400
    order = TopologicalSorter({one: graph.find_modules_directly_imported_by(one) for one in graph.modules})
    # Raises CycleError, whose text names the modules of the circle.
    order.prepare()
