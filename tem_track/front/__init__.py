"""The degradation front of a heated lamella: registered frames -> arrival time, grains, speeds, crossings."""

from tem_track.front.arrival.both_ways import brightened_share
from tem_track.front.arrival.evidence import ArrivalEvidence, gather_evidence
from tem_track.front.arrival.find import Arrival, find_arrival, settle_arrival
from tem_track.front.dark import dark_summary, dark_table, distinct_mask
from tem_track.front.frames.mean import early_mean, late_mean
from tem_track.front.grains.find import find_grains
from tem_track.front.grains.network import Grains, grains_from_labels
from tem_track.front.measure import Front, measure_front
from tem_track.front.scale import Scale

__all__ = [
    "Arrival",
    "ArrivalEvidence",
    "Front",
    "Grains",
    "Scale",
    "brightened_share",
    "dark_summary",
    "dark_table",
    "distinct_mask",
    "early_mean",
    "find_arrival",
    "find_grains",
    "gather_evidence",
    "grains_from_labels",
    "late_mean",
    "measure_front",
    "settle_arrival",
]
