"""The heating movies of the benchmark: fixed and seeded, from what works at once to what few would publish."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tem_track.simulate import HeatingScene, PrecipitateScene


@dataclass(frozen=True)
class HeatingBenchmark:
    """One movie: its name, how hard it is meant to be, what is in it, and the scene."""

    name: str
    tier: str
    what: str
    scene: HeatingScene | PrecipitateScene


_AGED = HeatingScene(frame_interval_s=0.9, frames=120)
_PRISTINE = HeatingScene(
    variant="pristine", onset_c=520.0, crossing_c=0.0, boundary_factor=6.0, speed_nm_per_s=2.5, frames=120
)
_STABLE = HeatingScene(variant="stable", frames=90)
_CRYSTAL = PrecipitateScene()

HEATING_SCENES = (
    HeatingBenchmark("aged-clean", "easy", "aged, 300 e/px", replace(_AGED, dose_per_px=300.0, seed=401)),
    HeatingBenchmark("pristine-clean", "easy", "pristine, 300 e/px", replace(_PRISTINE, dose_per_px=300.0, seed=402)),
    HeatingBenchmark(
        "stable-clean",
        "easy",
        "nothing degrades, 12 px of settling through vignetting",
        replace(_STABLE, dose_per_px=200.0, settling_px=12.0, vignetting=0.1, seed=403),
    ),
    HeatingBenchmark("crystal-clean", "easy", "precipitate, 200 e/px", replace(_CRYSTAL, dose_per_px=200.0, seed=404)),
    HeatingBenchmark(
        "aged-lamella",
        "medium",
        "aged, 80 e/px, platinum strip, vacuum, curtaining, a jump, brightness steps",
        replace(
            _AGED,
            height_px=448,
            pt_strip_nm=70.0,
            vacuum_nm=50.0,
            curtaining=0.04,
            dose_per_px=80.0,
            jumps=((52.0, 11.0, -8.0),),
            flicker=0.02,
            illumination_steps=((30.0, 0.85), (75.0, 1.2)),
            seed=411,
        ),
    ),
    HeatingBenchmark(
        "aged-jitter",
        "medium",
        "aged, 60 e/px, scan jitter and flutter",
        replace(_AGED, dose_per_px=60.0, jitter_px=0.5, flutter=0.02, seed=412),
    ),
    HeatingBenchmark(
        "aged-hold",
        "medium",
        "aged, ramp of 4 degC/s held at 610 degC, gaps in the log, scale bar and time burned in",
        replace(
            _AGED,
            ramp_c_per_s=4.0,
            hold_c=610.0,
            frame_interval_s=0.6,
            frames=110,
            log_gaps=((45.0, 52.0), (60.0, 61.0)),
            log_noise_c=0.5,
            scale_bar=True,
            timestamp=True,
            seed=413,
        ),
    ),
    HeatingBenchmark(
        "aged-fine",
        "medium",
        "aged, many small grains, weak contrast between them, 100 e/px",
        replace(_AGED, height_px=512, width_px=512, grain_nm=150.0, grain_contrast=0.06, dose_per_px=100.0, seed=414),
    ),
    HeatingBenchmark(
        "pristine-bad-frames",
        "medium",
        "pristine, blank, repeated, defocused and dropped frames, jumps",
        replace(
            _PRISTINE,
            blank=(20, 71),
            duplicate=(33, 60, 61),
            blurred=((45.0, 3.0), (64.0, 4.0), (65.0, 2.5)),
            dropped=((50.0, 3.0),),
            jumps=((40.0, -9.0, 13.0),),
            seed=415,
        ),
    ),
    HeatingBenchmark(
        "stable-uneven",
        "medium",
        "nothing degrades: 18 px of settling through strong vignetting, flicker, brightness steps, defocus",
        replace(
            _STABLE,
            dose_per_px=80.0,
            settling_px=18.0,
            vignetting=0.2,
            flicker=0.03,
            illumination_steps=((40.0, 0.8),),
            blurred=((55.0, 3.0), (56.0, 3.0)),
            seed=416,
        ),
    ),
    HeatingBenchmark(
        "crystal-drift",
        "medium",
        "precipitate, 80 e/px, drift and jumps, a facet over the rim",
        replace(
            _CRYSTAL,
            dose_per_px=80.0,
            drift_px=0.4,
            jumps=((45.0, 7.0, -9.0),),
            crystal_sunk=0.35,
            growth_c=470.0,
            seed=417,
        ),
    ),
    HeatingBenchmark(
        "aged-10e",
        "hard",
        "aged, 10 e/px, a jump",
        replace(_AGED, dose_per_px=10.0, counts_per_electron=6.0, jumps=((66.0, 10.0, 9.0),), seed=421),
    ),
    HeatingBenchmark(
        "aged-faint",
        "hard",
        "aged, little darkening, faint and hidden boundaries, old voids, cracks",
        replace(
            _AGED,
            dose_per_px=60.0,
            darkening=0.16,
            void_depth=0.25,
            wall_contrast=0.25,
            grain_contrast=0.06,
            hidden_walls=0.08,
            old_voids_per_um2=100.0,
            cracks=2,
            seed=422,
        ),
    ),
    HeatingBenchmark(
        "pristine-12e",
        "hard",
        "pristine, 12 e/px, jitter, flicker",
        replace(
            _PRISTINE, dose_per_px=12.0, counts_per_electron=6.0, jitter_px=0.4, flutter=0.02, flicker=0.03, seed=423
        ),
    ),
    HeatingBenchmark(
        "aged-everything",
        "hard",
        "aged, 25 e/px, strip, strong curtaining, jumps, bad frames, jitter, few frames",
        replace(
            _AGED,
            frames=70,
            frame_interval_s=1.5,
            dose_per_px=25.0,
            pt_strip_nm=60.0,
            curtaining=0.06,
            vignetting=0.2,
            jitter_px=0.5,
            flutter=0.02,
            flicker=0.03,
            jumps=((24.0, 12.0, -10.0), (52.0, -8.0, 15.0)),
            blank=(25,),
            duplicate=(40,),
            blurred=((33.0, 3.0), (49.0, 4.0)),
            dropped=((58.0, 3.0),),
            illumination_steps=((45.0, 0.8),),
            seed=424,
        ),
    ),
    HeatingBenchmark(
        "stable-10e",
        "hard",
        "nothing degrades, 10 e/px, settling, vignetting, jitter, brightness steps",
        replace(
            _STABLE,
            dose_per_px=10.0,
            counts_per_electron=6.0,
            settling_px=15.0,
            vignetting=0.2,
            jitter_px=0.5,
            flutter=0.02,
            flicker=0.03,
            illumination_steps=((30.0, 1.3),),
            jumps=((60.0, 9.0, 9.0),),
            seed=425,
        ),
    ),
    HeatingBenchmark(
        "crystal-12e",
        "hard",
        "precipitate, 12 e/px, weak contrast",
        replace(_CRYSTAL, dose_per_px=12.0, counts_per_electron=6.0, crystal_contrast=0.6, flicker=0.03, seed=426),
    ),
)
