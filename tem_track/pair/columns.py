"""The tables of a pair run: `pairs.csv`, a row per particle and image, and `images.csv`, a row per image."""

from __future__ import annotations

from tem_track.tables import Column

_STATE = (
    Column("image", "text", "name of the image file"),
    Column("state", "text", "state of the specimen as the user names it"),
    Column("voltage_v", "float", "voltage of the state, V"),
    Column("time_h", "float", "time of the state, h"),
)

PAIRS = (
    Column("particle", "int", "number of the particle, the same in every image, from 1"),
    *_STATE,
    Column("y_px", "float", "centroid in the image, down", 8),
    Column("x_px", "float", "centroid in the image, to the right", 8),
    Column("y_reference_px", "float", "where that is in the first image, down", 8),
    Column("x_reference_px", "float", "the same, to the right", 8),
    Column("area_px", "float", "projected area inside the outer outline, holes filled"),
    Column("area_sd_px", "float", "standard uncertainty of it"),
    Column("area_nm2", "float", "projected area, at the pixel size used (images.csv)"),
    Column("equivalent_diameter_px", "float", "2 sqrt(area / pi)"),
    Column("equivalent_diameter_nm", "float", "2 sqrt(area / pi), at the pixel size used"),
    Column("equivalent_diameter_sd_nm", "float", "standard uncertainty of it from the outline"),
    Column("volume_nm3", "float", "volume of the envelope by the volume model"),
    Column("volume_ratio", "float", "V/V0, V0 being the particle's volume in the first image"),
    Column("volume_ratio_sd", "float", "standard uncertainty of V/V0, without the error of the shape assumption"),
    Column("volume_ratio_low", "float", "lower end of its 95 % interval, a change of shape counted"),
    Column("volume_ratio_high", "float", "upper end of it"),
    Column("sd_outline", "float", "part of the standard uncertainty from the two outlines"),
    Column("sd_scale", "float", "part from the scale between the images; all particles of an image share it"),
    Column("sd_shape", "float", "part from the shape assumption: how much the aspect ratio changed"),
    Column("kind", "text", "solid, core-shell or hollow, as this image alone shows it"),
    Column("core_equivalent_diameter_nm", "float", "of the core's outline, where one was found"),
    Column("core_equivalent_diameter_sd_nm", "float", "standard uncertainty of it"),
    Column("shell_thickness_nm", "float", "(outer - core equivalent diameter) / 2"),
    Column("core_volume_ratio", "float", "volume of the core without its void over that in the first image"),
    Column("core_volume_ratio_sd", "float", "standard uncertainty of it"),
    Column("shell_volume_ratio", "float", "volume of the shell over that in the first image"),
    Column("shell_volume_ratio_sd", "float", "standard uncertainty of it"),
    Column("touches_border", "int", "1 where the border cuts the outline: no V/V0 then"),
    Column("quality", "float", "0 to 1: how well the outline explains the image around it"),
)

IMAGES = (
    *_STATE,
    Column("registered", "int", "1, or 0 where the image has nothing in common with the others"),
    Column("reason", "text", "why it is not registered"),
    Column("particles", "int", "particles found in the image"),
    Column("matched", "int", "of these, particles that another image shows too"),
    Column("rotation_deg", "float", "of the image against the first, from right towards down"),
    Column("mirrored", "int", "1 where the specimen is seen from behind"),
    Column("dy_px", "float", "where the image's first pixel lies in the first image, down"),
    Column("dx_px", "float", "the same, to the right"),
    Column("scale", "float", "px of the first image per px of this one, as used"),
    Column("scale_sd", "float", "standard uncertainty of it"),
    Column("scale_found", "float", "as found in the images alone"),
    Column("scale_found_sd", "float", "standard uncertainty of it"),
    Column("scale_calibrated", "float", "as the stated pixel sizes say"),
    Column("scale_source", "text", "what the scale used stands on"),
    Column("pixel_size_stated_nm", "float", "edge of a pixel as stated"),
    Column("pixel_size_nm", "float", "edge of a pixel as used, so that all images agree"),
    Column("residual_px", "float", "root mean square distance of matched particles, px of the first image"),
    Column("residual_nm", "float", "the same in nm"),
    Column("support_correlation", "float", "correlation of what lies between the particles with the first image"),
    Column("confirmed_by", "text", "what says that it is the same place: particles, support, or nothing"),
    Column("counted", "int", "particles with a V/V0"),
    Column("volume_ratio_mean", "float", "their mean V/V0"),
    Column("volume_ratio_sem", "float", "standard uncertainty of the mean: scatter or outlines, and the scale"),
)
