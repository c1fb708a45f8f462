"""What the advisor shows over HTTP: a page, JSON, metrics, health."""
