"""The action plan: what was decided for whom, by the hierarchy of controls, and what it changed."""
