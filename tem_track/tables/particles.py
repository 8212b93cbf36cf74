"""The columns of drift, of particles and of their expansion."""

from __future__ import annotations

from tem_track.tables.column import columns_of

DRIFT = columns_of(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("dy_px", "float", "where the specimen sits in this frame minus where it sat in frame 0, down"),
    ("dx_px", "float", "the same, to the right"),
    ("usable", "int", "1, or 0 for a blank, blurred, duplicate or torn frame"),
    ("reason", "text", "why a frame is not usable or could not be registered"),
    ("drift_sd_px", "float", "standard uncertainty of each component of the drift"),
)

TRACKS = columns_of(
    ("track_id", "int", "track, from 1"),
    ("lineage_id", "int", "shared by a particle and the pieces it breaks into"),
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    ("y_px", "float", "centroid in the recorded frame, down"),
    ("x_px", "float", "centroid in the recorded frame, to the right"),
    ("y_specimen_px", "float", "centroid with the drift taken out"),
    ("x_specimen_px", "float", "centroid with the drift taken out"),
    ("area_px", "float", "projected area inside the outer outline, holes filled"),
    ("area_nm2", "float", "projected area"),
    ("area_sd_nm2", "float", "standard uncertainty of the projected area"),
    ("area_sd_px", "float", "standard uncertainty of the projected area"),
    ("equivalent_diameter_px", "float", "2 sqrt(area / pi)"),
    ("equivalent_diameter_nm", "float", "2 sqrt(area / pi)"),
    ("equivalent_diameter_sd_nm", "float", "standard uncertainty of the equivalent diameter"),
    ("major_axis_px", "float", "long axis of the ellipse with the outline's second moments"),
    ("minor_axis_px", "float", "short axis of that ellipse"),
    ("solidity", "float", "projected area over the area of its convex hull"),
    ("volume_nm3", "float", "volume of the envelope by the volume model of the track"),
    ("volume_sd_nm3", "float", "standard uncertainty of the volume, without the error of the shape assumption"),
    ("volume_ratio", "float", "V/V0"),
    ("volume_ratio_sd", "float", "standard uncertainty of V/V0, without the error of the shape assumption"),
    ("core_equivalent_diameter_nm", "float", "of the core's outline"),
    ("core_equivalent_diameter_sd_nm", "float", "standard uncertainty of it"),
    ("core_equivalent_diameter_px", "float", "of the core's outline"),
    ("core_equivalent_diameter_sd_px", "float", "standard uncertainty of it"),
    ("shell_thickness_nm", "float", "(outer - core equivalent diameter) / 2"),
    ("shell_thickness_sd_nm", "float", "standard uncertainty of it"),
    ("shell_thickness_px", "float", "(outer - core equivalent diameter) / 2"),
    ("void_equivalent_diameter_nm", "float", "of the void's outline, where the core is hollow"),
    ("void_equivalent_diameter_px", "float", "of the void's outline, where the core is hollow"),
    ("void_equivalent_diameter_sd_px", "float", "standard uncertainty of it"),
    ("core_volume_ratio", "float", "volume of the core without its void over its V0"),
    ("shell_volume_ratio", "float", "volume of the shell over its V0"),
    ("void_volume_ratio", "float", "volume of the void over its V0"),
    ("core_volume_ratio_sd", "float", "standard uncertainty of it"),
    ("shell_volume_ratio_sd", "float", "standard uncertainty of it"),
    ("void_volume_ratio_sd", "float", "standard uncertainty of it"),
    (
        "lineage_volume_ratio",
        "float",
        "V/V0 of all pieces of a lineage together, over the V0 of the particle they come from",
    ),
    ("lineage_volume_ratio_sd", "float", "standard uncertainty of it, without the error of the shape assumption"),
    ("lineage_pieces", "int", "tracks summed in it: 1 is the particle before it broke; 0 where there is no sum"),
    ("touches_border", "int", "1 where the outline is cut by the edge of the field"),
    ("state", "text", "whole, fractured, merged or inferred (frame bridged)"),
    ("quality", "float", "0 to 1: how well the outline explains the image around it"),
)

PARTICLES = columns_of(
    ("track_id", "int", "track, from 1"),
    ("lineage_id", "int", "shared by a particle and the pieces it breaks into"),
    ("kind", "text", "solid, core-shell or hollow"),
    ("first_frame", "int", "first frame of the track"),
    ("last_frame", "int", "last frame of the track"),
    ("volume_model", "text", "sphere, spheroid or film"),
    ("v0_nm3", "float", "robust mean volume before the onset"),
    ("v0_sd_nm3", "float", "standard uncertainty of it"),
    ("initial_equivalent_diameter_nm", "float", "equivalent diameter before the onset"),
    ("onset_s", "float", "where the volume starts to change"),
    ("onset_low_s", "float", "lower end of its 95 % interval"),
    ("onset_high_s", "float", "upper end of its 95 % interval; without an onset: it was before this"),
    (
        "onset_by",
        "text",
        "curve: its own level start shows it; others: the curve leaves the onset open, and those of the other "
        "particles decide",
    ),
    ("stage_count", "int", "stages of expansion, 0 for an inert particle"),
    ("stage_change_s", "float", "end of the first of two stages"),
    ("stage_change_low_s", "float", "lower end of its 95 % interval"),
    ("stage_change_high_s", "float", "upper end of its 95 % interval"),
    (
        "final_volume_ratio",
        "float",
        "V/V0 at the end of the track: mean over its last uncut rows (5 %, at least 3) over V0; rows that belong to "
        "the break or merger which ends a track do not count",
    ),
    ("final_volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("final_volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("max_rate_per_s", "float", "largest rate of V/V0 over the stages"),
    ("complete_s", "float", "end of the last stage, empty if the movie ends first"),
    ("v0_seen", "int", "1 where frames before the onset were seen; 0: V/V0 is over the first frames of the track"),
    ("onset_frame", "float", "the onset in frames, a fraction of a frame included"),
    ("stage_change_frame", "float", "the stage change in frames"),
    ("final_sd_localisation", "float", "part of the final V/V0's standard uncertainty from the outlines' edge error"),
    ("final_sd_noise", "float", "part from the scatter of the curve"),
    ("final_sd_curve", "float", "part from other curves that explain the rows nearly as well"),
    ("final_sd_v0", "float", "part from V0"),
    (
        "final_sd_shape",
        "float",
        "part from the shape assumption: how much the outline changed its aspect ratio, or its shape",
    ),
    ("final_volume_ratio_sphere", "float", "final V/V0 if the particle is a ball: area ratio^(3/2)"),
    (
        "final_volume_ratio_spheroid",
        "float",
        "final V/V0 if it is a spheroid about its long axis: that times sqrt(aspect ratio before / at the end)",
    ),
    ("final_volume_ratio_film", "float", "final V/V0 if it is a film of constant thickness: the area ratio"),
    (
        "shape_holds",
        "text",
        "no: the outline changed its shape, so that no volume model is to be believed (the interval of the final V/V0 "
        "allows three times that change); yes: nothing in the outline speaks against it (what happens along the beam "
        "is not seen)",
    ),
    ("shape_fails_frame", "float", "frame from which on the shape does not hold"),
    ("shape_change", "text", "what changed"),
    ("lineage_final_volume_ratio", "float", "of a particle that broke: V/V0 of all its pieces together at their end"),
    ("lineage_final_sd", "float", "standard uncertainty of it"),
    ("fate", "text", "whole, fractured, merged, left or lost"),
)

STAGES = columns_of(
    ("track_id", "int", "track, from 1"),
    ("stage", "int", "stage, from 1"),
    ("start_s", "float", "start of the stage"),
    ("end_s", "float", "end of the stage"),
    ("rate_per_s", "float", "d(V/V0)/dt"),
    ("rate_low", "float", "lower end of its 95 % interval, per s"),
    ("rate_high", "float", "upper end of its 95 % interval, per s"),
    ("volume_ratio_end", "float", "V/V0 at the end of the stage"),
    ("start_frame", "float", "start of the stage in frames"),
    ("end_frame", "float", "end of the stage in frames"),
    ("start_low_s", "float", "lower end of the start's 95 % interval"),
    ("start_high_s", "float", "upper end of the start's 95 % interval"),
    ("end_low_s", "float", "lower end of the end's 95 % interval, empty if the movie ends first"),
    ("end_high_s", "float", "upper end of the end's 95 % interval, empty if the movie ends first"),
    (
        "growth_law",
        "text",
        "linear, parabolic (V grows with the square root of time since the stage's start), or undecided below strong "
        "evidence (6 in law_delta_bic)",
    ),
    ("law_delta_bic", "float", "evidence: BIC of a parabolic stage minus that of a linear one; positive: linear"),
)

EVENTS = columns_of(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("event", "text", "onset, fracture, coalescence, enters, leaves or lost"),
    ("track_id", "int", "fracture: the parent; coalescence: the product"),
    ("other_track_ids", "text", "fracture: the pieces; coalescence: the parents; joined by +"),
)

KINDS = ("solid", "core-shell", "hollow")

_EXPANSION_OF = (
    ("particles", "int", "particles with a V/V0 in this frame"),
    ("volume_ratio_mean", "float", "mean V/V0"),
    ("volume_ratio_sd", "float", "spread of V/V0 between particles (standard deviation)"),
    ("volume_ratio_sem", "float", "standard uncertainty of the mean, spread and measurement together"),
    ("volume_ratio_median", "float", "median V/V0"),
)

EXPANSION = columns_of(
    ("frame", "int", "frame number, from 0"),
    ("time_s", "float", "time of the frame"),
    ("temperature_c", "float", "temperature of the frame"),
    *((name, kind, f"{meaning}, whole tracks") for name, kind, meaning in _EXPANSION_OF),
    *(
        (f"{name}_{of.replace('-', '_')}", kind, f"{meaning}, whole {of} tracks")
        for of in KINDS
        for name, kind, meaning in _EXPANSION_OF
    ),
)

THEORY = columns_of(
    ("track_id", "int", "track, from 1"),
    ("kind", "text", "solid, core-shell or hollow"),
    ("level", "text", "expected state: stage 1, ..., complete"),
    ("body", "text", "envelope, or the particle without void, where a void was measured"),
    ("frame", "float", "where the measured V/V0 is from, in frames"),
    ("volume_ratio", "float", "measured V/V0 of this body"),
    ("volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("sd_own", "float", "part of its standard uncertainty that is this particle's: noise, V0"),
    ("sd_shared", "float", "part that all particles may have in common: outline, shape, void"),
    ("expected_volume_ratio", "float", "V/V0 of the reaction from unit cells"),
    ("difference", "float", "measured minus expected V/V0"),
    ("difference_low", "float", "lower end of its 95 % interval"),
    ("difference_high", "float", "upper end of its 95 % interval"),
    ("counted", "int", "1 where the particle counts in the mean of its kind"),
    ("remark", "text", "why it does not"),
)


SENSITIVITY = columns_of(
    ("setting", "text", "what was shifted; 'as set' is the run itself"),
    ("value", "text", "to what"),
    ("track_id", "int", "track of the run"),
    ("final_volume_ratio", "float", "final V/V0 then; empty where the particle is not found or has none"),
    ("change", "float", "that minus the run's own final V/V0"),
    ("final_volume_ratio_low", "float", "lower end of its 95 % interval"),
    ("final_volume_ratio_high", "float", "upper end of its 95 % interval"),
    ("stage_count", "int", "stages then"),
    ("onset_frame", "float", "onset then, in frames"),
    ("stage_change_frame", "float", "end of the first of two stages then, in frames"),
)
