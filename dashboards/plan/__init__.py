"""The measuring plan as files and as a page."""

from __future__ import annotations

from dashboards.plan.render import render_plan
from dashboards.plan.rows import PlanTable, plan_table

__all__ = ["PlanTable", "plan_table", "render_plan"]
