"""Targets to task lists: cells, answerable units and people, ranked tasks, routes, checks of the plan."""
