"""The columns of the front in a film, and of objects that grow in a matrix."""

from __future__ import annotations

from tem_track.tables.column import columns_of

FRONT = columns_of(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("degraded_fraction", "float", "share of the film seen that has degraded"),
    ("boundary_fraction", "float", "share of the boundary zone that has degraded"),
    ("interior_fraction", "float", "share of the grains' interiors that has degraded"),
    ("front_speed_nm_per_s", "float", "median local speed of the front within a frame of this one"),
    ("front_speed_px_per_frame", "float", "the same in px from frame to frame"),
    ("boundary_speed_nm_per_s", "float", "the same of the front in the boundary zone"),
    ("interior_speed_nm_per_s", "float", "the same of the front in the interiors"),
    ("front_length_nm", "float", "length of the front line"),
    ("front_length_px", "float", "length of the front line"),
)

GRAINS = columns_of(
    ("grain_id", "int", "grain, from 1, as in front/grains.tif"),
    ("area_nm2", "float", "area in the field"),
    ("onset_s", "float", "when 1 % of the grain had degraded"),
    ("onset_c", "float", "temperature then"),
    ("half_s", "float", "when half of the grain had degraded"),
    ("half_c", "float", "temperature then"),
    ("complete_s", "float", "when 95 % of the grain had degraded"),
    ("complete_c", "float", "temperature then"),
    ("final_fraction", "float", "share of the grain that has degraded by the end"),
    ("nuclei", "int", "nuclei in the grain"),
    ("entered_from", "text", "grains from which a front came in, first one first, joined by +"),
    ("area_px", "float", "area in the field"),
    ("equivalent_diameter_nm", "float", "2 sqrt(area / pi)"),
    ("y_px", "float", "centroid in the specimen frame, down"),
    ("x_px", "float", "centroid in the specimen frame, to the right"),
    ("touches_border", "int", "1 where the edge of the field cuts the grain"),
    ("seen_fraction", "float", "share of the grain that enough frames show"),
    ("initial_fraction", "float", "share of the grain degraded before the movie; not part of onset, half and complete"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("half_frame", "float", "the half in frames"),
    ("complete_frame", "float", "the completion in frames"),
)

CROSSINGS = columns_of(
    ("from_grain", "int", "grain the front came from"),
    ("to_grain", "int", "grain it went on into"),
    ("y_px", "float", "where it came through first, in the specimen frame, down"),
    ("x_px", "float", "the same, to the right"),
    ("arrival_s", "float", "when the front had reached that place of the boundary"),
    ("crossing_s", "float", "when it set out on the other side"),
    ("delay_s", "float", "how long it stood there"),
    ("temperature_c", "float", "temperature at the crossing"),
    ("crossing_sd_s", "float", "standard uncertainty of the time of the crossing"),
    ("crossing_frame", "float", "the crossing in frames"),
    ("delay_frames", "float", "the delay in frames"),
    ("length_nm", "float", "length of the boundary between the two grains that was crossed in this direction"),
    ("length_px", "float", "the same in px"),
    ("target_fraction", "float", "share of the grain it went into that had degraded before"),
)

NUCLEI = columns_of(
    ("y_px", "float", "place in the specimen frame, down"),
    ("x_px", "float", "place in the specimen frame, to the right"),
    ("time_s", "float", "when degradation began there"),
    ("temperature_c", "float", "temperature then"),
    ("site", "text", "junction, boundary, interior or edge (of the field or of the film)"),
    ("grain_id", "int", "grain it lies in"),
    ("frame", "float", "the time in frames"),
    ("distance_nm", "float", "distance to the nearest boundary"),
    ("distance_px", "float", "distance to the nearest boundary"),
)

VOIDS = columns_of(
    ("y_px", "float", "centre in the specimen frame, down"),
    ("x_px", "float", "centre in the specimen frame, to the right"),
    ("diameter_px", "float", "2 sqrt(area / pi) at half of its darkness"),
    ("diameter_nm", "float", "2 sqrt(area / pi) at half of its darkness"),
    ("grain_id", "int", "grain it lies in"),
    ("distance_nm", "float", "distance to the nearest boundary"),
)

DARK = columns_of(
    ("frame", "int", "number from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("dark_fraction", "float", "share of the area darker than the foil around it by front.dark_contrast"),
    ("dark_contrast", "float", "how much darker than the foil its darkest percentile is: the diffraction condition"),
    ("dark_places", "float", "distinct dark places: separate, and at least 0.6 of dark_contrast (and of the setting)"),
    ("median_diameter_px", "float", "median of 2 sqrt(area / pi) of the places"),
    ("median_diameter_nm", "float", "median of 2 sqrt(area / pi) of the places"),
)

DISTANCE = columns_of(
    ("distance_px", "float", "distance to the nearest boundary, middle of the class"),
    ("distance_nm", "float", "distance to the nearest boundary, middle of the class"),
    ("area_px", "float", "film seen at that distance"),
    ("arrival_s", "float", "when half of it had degraded"),
    ("arrival_low_s", "float", "when 16 % of it had degraded"),
    ("arrival_high_s", "float", "when 84 % of it had degraded"),
    ("arrival_c", "float", "temperature when half of it had degraded"),
    ("front_speed_nm_per_s", "float", "median local speed of the front"),
    ("final_fraction", "float", "share that has degraded by the end"),
)

GROWTH = columns_of(
    ("track_id", "int", "object, from 1"),
    ("onset_c", "float", "temperature at which it began to grow"),
    ("onset_low_c", "float", "lower end of its 95 % interval"),
    ("onset_high_c", "float", "upper end of its 95 % interval"),
    ("onset_s", "float", "when it began to grow"),
    ("onset_low_s", "float", "lower end of its 95 % interval"),
    ("onset_high_s", "float", "upper end of its 95 % interval"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("first_seen_c", "float", "temperature of the first frame in which it is large enough to be seen"),
    ("first_seen_frame", "int", "that frame"),
    ("final_area_nm2", "float", "projected area at the end, mean of its last frames"),
    ("final_area_sd_nm2", "float", "standard uncertainty of it"),
    ("final_area_px", "float", "the same in px"),
    ("max_rate_nm2_per_s", "float", "largest rate of growth"),
    ("max_rate_sd_nm2_per_s", "float", "standard uncertainty of it"),
    ("max_rate_c", "float", "temperature at which it grows fastest"),
    ("half_c", "float", "temperature at which it has half of its largest area"),
    ("half_s", "float", "when it has half of its largest area"),
    ("touches_border", "int", "1 where the edge of the field cut it at any time"),
)

GROWTH_RATES = columns_of(
    ("track_id", "int", "object, from 1"),
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("area_nm2", "float", "projected area"),
    ("area_sd_nm2", "float", "standard uncertainty of it"),
    ("area_px", "float", "projected area"),
    ("rate_nm2_per_s", "float", "rate of growth, from a straight line through the neighbouring frames"),
    ("rate_sd_nm2_per_s", "float", "standard uncertainty of it from the scatter about that line"),
    ("rate_px_per_frame", "float", "rate of growth in px of area from frame to frame"),
)
