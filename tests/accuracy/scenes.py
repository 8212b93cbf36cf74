"""The movies of the benchmark: fixed and seeded, from what works at once to what hardly anyone would publish."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tem_track.simulate import LithiationScene

TIERS = ("easy", "medium", "hard")


@dataclass(frozen=True)
class BenchmarkScene:
    """One movie: its name, how hard it is meant to be, what is in it, and the scene."""

    name: str
    tier: str
    what: str
    scene: LithiationScene


# 64 frames of 13 s see the core-shell's 760 s through; particles differ in onset, pace, size and final V/V0.
_CORE_SHELL = LithiationScene(frames=64, frame_interval_s=13.0, height_px=384, width_px=384, nio=1, core_shell=3)
_HAADF = replace(_CORE_SHELL, mode="haadf", nio=2, core_shell=2, pixel_size_nm=1.6, jitter_px=0.3, flutter=0.01)

SCENES = (
    BenchmarkScene(
        "bf-clean", "easy", "bright field, 500 e/px, nanotubes", replace(_CORE_SHELL, dose_per_px=500.0, seed=301)
    ),
    BenchmarkScene(
        "bf-nio",
        "easy",
        "bright field, 1000 e/px, NiO in one steep stage, one inert",
        LithiationScene(
            nio=5,
            core_shell=0,
            inert=1,
            frames=60,
            frame_interval_s=4.0,
            dose_per_px=1000.0,
            support="none",
            seed=302,
        ),
    ),
    BenchmarkScene(
        "bf-cuo",
        "easy",
        "bright field, CuO near a micrometre, two stages",
        LithiationScene(
            nio=0,
            cuo=3,
            core_shell=0,
            pixel_size_nm=9.0,
            frames=70,
            frame_interval_s=12.0,
            attenuation_per_nm=0.0016,
            support="film",
            seed=303,
        ),
    ),
    BenchmarkScene(
        "haadf-clean",
        "easy",
        "HAADF, 150 e/px, lacey carbon",
        replace(_HAADF, dose_per_px=150.0, jitter_px=0.1, support="lacey", seed=304),
    ),
    BenchmarkScene(
        "bf-uneven",
        "medium",
        "bright field, 60 e/px, uneven film, vignetting, brightness steps, one inert",
        replace(
            _CORE_SHELL,
            nio=2,
            inert=1,
            dose_per_px=60.0,
            support="film",
            vignetting=0.2,
            flicker=0.02,
            illumination_steps=((20.0, 0.75), (45.0, 1.3)),
            seed=311,
        ),
    ),
    BenchmarkScene(
        "haadf-jitter",
        "medium",
        "HAADF, 40 e/px, lacey carbon, scan jitter and flutter",
        replace(_HAADF, dose_per_px=40.0, support="lacey", jitter_px=0.5, flutter=0.02, drift_px=0.4, seed=312),
    ),
    BenchmarkScene(
        "bf-fracture",
        "medium",
        "bright field, chain of three, one breaks into three, one at the border",
        replace(
            _CORE_SHELL,
            nio=3,
            touching=3,
            border=1,
            fracture=((2.0, 40.0, 3.0),),
            height_px=448,
            width_px=448,
            dose_per_px=200.0,
            seed=313,
        ),
    ),
    BenchmarkScene(
        "bf-bad-frames",
        "medium",
        "bright field, stage jumps, blank, repeated, defocused, dropped frames, scale bar and time burned in",
        replace(
            _CORE_SHELL,
            core_shell=4,
            height_px=448,
            width_px=448,
            jumps=((18.0, 30.0, -24.0), (41.0, -26.0, 35.0)),
            blank=(9, 33),
            duplicate=(14, 28, 29),
            blurred=((19.0, 4.0), (37.0, 3.0), (38.0, 2.5), (39.0, 3.5)),
            dropped=((50.0, 5.0),),
            scale_bar=True,
            timestamp=True,
            flicker=0.02,
            seed=314,
        ),
    ),
    BenchmarkScene(
        "bf-merge",
        "medium",
        "bright field, two merge, one jumps by its radius, one lets go and leaves",
        replace(
            _CORE_SHELL,
            nio=4,
            coalescence=((1.0, 2.0, 36.0),),
            detachment=((5.0, 26.0),),
            leaving=((3.0, 44.0),),
            height_px=448,
            width_px=448,
            seed=315,
        ),
    ),
    BenchmarkScene(
        "bf-speckle",
        "medium",
        "bright field, solid cores, strong diffraction contrast and a defocus fringe, 120 e/px",
        replace(_CORE_SHELL, hollow=False, speckle=0.6, fringe_nm=0.3, dose_per_px=120.0, seed=316),
    ),
    BenchmarkScene(
        "bf-5e",
        "hard",
        "bright field, 5 e/px, a stage jump",
        replace(
            _CORE_SHELL, dose_per_px=5.0, counts_per_electron=8.0, jumps=((30.0, 15.0, 22.0),), drift_px=0.4, seed=321
        ),
    ),
    BenchmarkScene(
        "haadf-6e",
        "hard",
        "HAADF, 6 e/px, lacey carbon, touching pair, jitter",
        replace(
            _HAADF,
            dose_per_px=6.0,
            counts_per_electron=8.0,
            touching=2,
            support="lacey",
            jitter_px=0.5,
            flutter=0.02,
            seed=322,
        ),
    ),
    BenchmarkScene(
        "bf-crowd",
        "hard",
        "bright field, 30 e/px, ten particles, chain of five, two at the border, fracture into four",
        replace(
            _CORE_SHELL,
            nio=5,
            core_shell=5,
            touching=5,
            border=2,
            fracture=((3.0, 34.0, 4.0),),
            height_px=512,
            width_px=512,
            pixel_size_nm=1.7,
            dose_per_px=30.0,
            seed=323,
        ),
    ),
    BenchmarkScene(
        "bf-dendrites",
        "hard",
        "bright field, 80 e/px, lithium dendrites growing in, uneven film, one particle drifting in, brightness step",
        replace(
            _CORE_SHELL,
            nio=2,
            outside=1,
            dose_per_px=80.0,
            support="film",
            vignetting=0.15,
            drift_px=0.6,
            dendrite_frame=15,
            dendrite_speed_nm_per_s=0.6,
            illumination_steps=((32.0, 0.7),),
            height_px=448,
            width_px=448,
            seed=324,
        ),
    ),
    BenchmarkScene(
        "haadf-everything",
        "hard",
        "HAADF, 25 e/px, jumps, bad frames, fracture into two, a pair that merges, scale bar",
        replace(
            _HAADF,
            nio=4,
            dose_per_px=25.0,
            support="lacey",
            fracture=((1.0, 32.0, 2.0),),
            coalescence=((2.0, 3.0, 44.0),),
            jumps=((21.0, 25.0, 18.0),),
            blank=(22,),
            duplicate=(40,),
            blurred=((12.0, 3.0),),
            scale_bar=True,
            height_px=448,
            width_px=448,
            seed=325,
        ),
    ),
    BenchmarkScene(
        "bf-lacey-hollow",
        "medium",
        "bright field, lacey carbon, hollow NiO, one breaks into two, two jump by their radius, a defocus burst",
        replace(
            _CORE_SHELL,
            nio=3,
            core_shell=2,
            nio_void=0.5,
            nio_diameter_nm=95.0,
            support="lacey",
            dose_per_px=150.0,
            fracture=((2.0, 38.0, 2.0),),
            detachment=((1.0, 20.0), (5.0, 47.0)),
            blurred=((30.0, 2.0), (31.0, 3.5), (32.0, 2.5)),
            height_px=448,
            width_px=448,
            seed=317,
        ),
    ),
    BenchmarkScene(
        "haadf-film",
        "hard",
        "HAADF, 20 e/px, uneven film, faint lithium growing in, one drifts in, one leaves, dropped frames, a clock",
        replace(
            _HAADF,
            nio=3,
            core_shell=3,
            outside=1,
            leaving=((2.0, 40.0),),
            support="film",
            dose_per_px=20.0,
            drift_px=0.6,
            jitter_px=0.4,
            flutter=0.02,
            dendrite_frame=20,
            dendrite_speed_nm_per_s=0.7,
            illumination_steps=((26.0, 1.25),),
            dropped=((33.0, 3.0),),
            timestamp=True,
            height_px=448,
            width_px=512,
            seed=326,
        ),
    ),
)
