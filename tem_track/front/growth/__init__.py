"""Objects that grow within a matrix, such as a precipitate in a void: found, followed and measured."""
