"""What operators see and do: logs, counts, health and status pages, metrics, and the supervisor of `run`."""
