"""How fast: tem-track beside the script a user would otherwise write. Run with ``python -m tests.speed``."""
