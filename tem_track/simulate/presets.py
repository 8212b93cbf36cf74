"""Scenes by name: the movies of the lithiation and the heating paper, and what users meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tem_track.simulate.heating_scene import HeatingScene, PrecipitateScene
from tem_track.simulate.recording import Recording
from tem_track.simulate.scene import LithiationScene

# The paper's marks (onset 40 s, stage change 260 s, complete 760 s) hold for every particle of its three movies.
_PAPER = LithiationScene(onset_low_s=40.0, onset_high_s=40.0, duration_spread=0.0, final_spread=0.0)

PRESETS: Mapping[str, Recording] = {
    "nio": replace(_PAPER, nio=5, core_shell=0, height_px=384, width_px=384, frames=60, frame_interval_s=4.0, seed=11),
    # Particles near a micrometre are opaque to a narrow aperture: a thinner contrast, as with a wide one.
    "cuo": replace(
        _PAPER,
        nio=0,
        cuo=3,
        core_shell=0,
        pixel_size_nm=9.0,
        frames=80,
        frame_interval_s=11.0,
        attenuation_per_nm=0.0016,
        support="film",
        seed=12,
    ),
    "core-shell": replace(
        _PAPER, nio=0, core_shell=4, height_px=448, width_px=448, frames=85, frame_interval_s=10.0, seed=13
    ),
    "mixed": LithiationScene(nio=2, core_shell=3, frames=80, frame_interval_s=12.0, seed=14),
    "haadf": LithiationScene(
        mode="haadf",
        nio=2,
        core_shell=3,
        pixel_size_nm=1.6,
        frames=80,
        frame_interval_s=12.0,
        dose_per_px=70.0,
        support="lacey",
        jitter_px=0.4,
        flutter=0.01,
        seed=15,
    ),
    "hard": LithiationScene(
        nio=3,
        core_shell=4,
        height_px=512,
        width_px=512,
        frames=90,
        frame_interval_s=10.0,
        dose_per_px=30.0,
        counts_per_electron=5.0,
        support="film",
        touching=3,
        border=1,
        drift_px=0.5,
        jumps=((30.0, 24.0, -20.0), (62.0, -30.0, 26.0)),
        fracture=((2.0, 55.0, 3.0),),
        flicker=0.04,
        illumination_steps=((48.0, 0.8),),
        blurred=((31.0, 4.0), (45.0, 3.0)),
        blank=(40,),
        duplicate=(50, 51),
        dropped=((70.0, 4.0),),
        scale_bar=True,
        timestamp=True,
        seed=16,
    ),
    # The two movies of sample_data/: small files, everything complete before the end.
    "sample": replace(
        _PAPER,
        onset_low_s=60.0,
        onset_high_s=80.0,
        nio=2,
        core_shell=3,
        height_px=256,
        width_px=256,
        pixel_size_nm=2.2,
        frames=60,
        frame_interval_s=15.0,
        # Few counts an electron and a quiet camera: a small file with little noise.
        dose_per_px=200.0,
        counts_per_electron=0.25,
        offset_counts=2.0,
        read_noise_counts=0.4,
        blurred=((33.0, 3.5),),
        seed=17,
    ),
    "sample-haadf": replace(
        _PAPER,
        onset_high_s=60.0,
        mode="haadf",
        nio=3,
        core_shell=1,
        height_px=224,
        width_px=224,
        pixel_size_nm=2.0,
        frames=50,
        frame_interval_s=18.0,
        dose_per_px=60.0,
        support="lacey",
        touching=2,
        fracture=((3.0, 20.0, 2.0),),
        jitter_px=0.3,
        flutter=0.01,
        seed=18,
    ),
    # The heating paper: aged material intact to 500 degC, fronts held at boundaries to 600 degC (Fig. 3c-f); pristine
    # material from 520 degC on, boundaries first, interiors by nanovoids (Fig. 3g); cobalt in a void (Fig. 4a).
    "aged": HeatingScene(seed=21),
    "pristine": HeatingScene(
        variant="pristine",
        onset_c=520.0,
        crossing_c=0.0,
        boundary_factor=6.0,
        speed_nm_per_s=2.5,
        seed=22,
    ),
    "stable": HeatingScene(variant="stable", seed=23),
    "precipitate": PrecipitateScene(seed=24),
    # The heating movie of sample_data/: as above, everything degraded before the end.
    "sample-heating": HeatingScene(
        height_px=208,
        width_px=208,
        frames=60,
        frame_interval_s=1.6,
        pixel_size_nm=2.2,
        start_c=470.0,
        grain_nm=150.0,
        damage_sites=1.0,
        settling_px=5.0,
        dose_per_px=180.0,
        counts_per_electron=0.25,
        offset_counts=2.0,
        read_noise_counts=0.4,
        blurred=((33.0, 3.5),),
        seed=25,
    ),
}
