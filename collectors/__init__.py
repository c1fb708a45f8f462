"""One module a provider: it declares its metrics and settings, fetches, and parses purely."""
