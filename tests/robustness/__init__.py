"""What a run survives: kills, full disks, damaged files; and whether two runs are the same."""
