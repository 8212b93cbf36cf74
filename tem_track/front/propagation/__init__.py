"""How the front went on: from nuclei, along boundaries, across them, and at which temperatures."""
