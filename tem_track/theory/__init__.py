"""Theory beside measurement: V/V0 of reactions from unit cells, and what was measured minus that."""

from tem_track.theory.additions import with_additions
from tem_track.theory.book import Book, built_in
from tem_track.theory.compare import compare, kind_means
from tem_track.theory.phases import Phase
from tem_track.theory.reaction import Level, Reaction, amounts_text, levels

__all__ = [
    "Book",
    "Level",
    "Phase",
    "Reaction",
    "amounts_text",
    "built_in",
    "compare",
    "kind_means",
    "levels",
    "with_additions",
]
