"""What happens to damaged, hostile and interrupted work: run once and reported, a small part in the suite."""
