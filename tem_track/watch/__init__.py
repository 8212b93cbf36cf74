"""Movies while they are being recorded: a live view of each, and the analysis once it is complete."""
