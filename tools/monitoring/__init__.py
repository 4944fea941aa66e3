"""Grafana's dashboards, made from code so that they cannot drift from the metrics."""
