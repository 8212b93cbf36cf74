"""What a simulated heating movie shows: a lamella of grains that degrades, or a crystal that grows in a void."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tem_track.errors import SettingsError
from tem_track.settings import setting
from tem_track.simulate.recording import Recording, Rows, rows


@dataclass(frozen=True)
class HeatedRecording(Recording):
    """A recording in annular dark field on a heating chip: temperature, its log, settling of the holder.

    Temperature rises at a constant rate and is held at `hold_c`. Rows of `log_gaps` are stretches of the log, in its
    own seconds, without readings.
    """

    frames: int = setting(120, "frames recorded", low=1)
    frame_interval_s: float = setting(0.9, "time between frames", "s", low=1e-9)
    pixel_size_nm: float = setting(1.8, "edge of a pixel", "nm", low=1e-6)
    dose_per_px: float = setting(120.0, "electrons per px on the undamaged lamella", "e/px", low=1e-3)
    background: float = setting(0.02, "share of the dose that arrives everywhere (detector offset)", low=0.0)
    vignetting: float = setting(0.05, "relative loss of brightness in the corners", low=0.0)
    drift_px: float = setting(0.2, "root mean square of the drift per frame, settling apart", "px", low=0.0)

    start_c: float = setting(450.0, "temperature at the start of the movie", "degC", low=-273.0)
    ramp_c_per_s: float = setting(2.0, "heating rate (heating paper: 2)", "degC/s", low=0.0)
    hold_c: float = setting(1000.0, "temperature at which the ramp ends and is held", "degC", low=-273.0)
    log_offset_s: float = setting(37.4, "the log's time at frame 0", "s", low=0.0)
    log_rate_hz: float = setting(10.0, "readings of the log per second", "1/s", low=1e-3)
    log_noise_c: float = setting(0.2, "standard deviation of a reading", "degC", low=0.0)
    log_gaps: Rows = field(default=(), metadata=rows("stretches of the log without readings", "from_s", "to_s"))
    settling_px: float = setting(8.0, "how far the holder settles thermally", "px", low=0.0)
    settling_s: float = setting(25.0, "time constant of the settling", "s", low=1e-6)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.hold_c < self.start_c:
            raise SettingsError("hold_c is below start_c")

    def check_row(self, name: str, values: Mapping[str, float]) -> None:
        """Raise SettingsError where one row of a list of events is not allowed."""
        super().check_row(name, values)
        if name == "log_gaps" and not values["from_s"] < values["to_s"]:
            raise SettingsError(f"{name} {list(values.values())}: to_s must come after from_s")


@dataclass(frozen=True)
class HeatingScene(HeatedRecording):
    """A polycrystalline lamella of a layered cathode that degrades on heating.

    ``aged``: fronts start at damage sites on one side of grain boundaries and at junctions, sweep their grain and wait
    at its boundary until that unlocks. ``pristine``: boundaries degrade first, interiors by growing nanovoids.
    ``stable``: nothing degrades (the control). The field declarations below are the documentation.

    Raises
    ------
    SettingsError
        Values that contradict each other.
    """

    variant: str = setting("aged", "how the specimen degrades", choices=("aged", "pristine", "stable"))
    grain_nm: float = setting(260.0, "typical diameter of a grain", "nm", low=1.0)
    curved: float = setting(0.5, "how strongly the boundaries bend: 0 straight, 1 strongly", low=0.0)
    grain_contrast: float = setting(0.1, "standard deviation of the grains' brightness (orientation)", low=0.0)
    wall_contrast: float = setting(0.4, "how dark the darkest boundary line is", low=0.0)
    wall_nm: float = setting(3.5, "width (standard deviation) of a boundary line", "nm", low=1e-3)
    hidden_walls: float = setting(0.03, "share of the boundaries that show neither a line nor a step", low=0.0)
    texture: float = setting(0.03, "standard deviation of the fine texture inside grains", low=0.0)
    texture_nm: float = setting(5.0, "size of the fine texture", "nm", low=1e-3)
    thickness_gradient: float = setting(0.1, "relative change of thickness across the field", low=0.0)
    curtaining: float = setting(0.02, "standard deviation of the stripes the ion beam left", low=0.0)
    old_voids_per_um2: float = setting(0.0, "voids of cycling in frame 0, no damage sites", low=0.0)
    cracks: int = setting(0, "dark cracks through the lamella, there from frame 0", low=0)
    pt_strip_nm: float = setting(0.0, "height of the bright platinum strip at the top, 0 = none", "nm", low=0.0)
    vacuum_nm: float = setting(0.0, "height of the vacuum below the lamella's edge, 0 = none", "nm", low=0.0)

    damage_sites: float = setting(1.2, "damage sites per grain in frame 0, mean (aged)", low=0.0)
    damage_nm: float = setting(9.0, "radius of a damage site", "nm", low=1e-3)
    active_sites: float = setting(0.75, "share of the damage sites a front starts from", low=0.0)
    boundary_sites_per_um: float = setting(2.0, "starting points per um of boundary (pristine)", "1/um", low=0.0)
    nanovoids_per_um2: float = setting(120.0, "starting points inside grains (pristine)", "1/um2", low=0.0)
    onset_c: float = setting(500.0, "temperature from which starting points awake", "degC")
    onset_spread_c: float = setting(30.0, "mean delay of a starting point after that", "degC", low=0.0)
    nanovoid_onset_c: float = setting(550.0, "the same for the points inside grains", "degC")
    nanovoid_spread_c: float = setting(60.0, "mean delay of a point inside a grain", "degC", low=0.0)
    crossing_c: float = setting(600.0, "temperature from which boundaries can be crossed; 0 = always", "degC")
    crossing_spread_c: float = setting(6.0, "mean delay of a boundary after that", "degC", low=0.0)
    crossing_delay_s: float = setting(0.5, "time a front takes through an unlocked boundary", "s", low=0.0)
    speed_nm_per_s: float = setting(6.0, "speed of the front inside a grain at 600 degC", "nm/s", low=1e-6)
    boundary_factor: float = setting(2.5, "speed along boundaries over that inside grains", low=1.0)
    boundary_zone_nm: float = setting(14.0, "distance from a boundary up to which its speed holds", "nm", low=0.0)
    activation_ev: float = setting(1.6, "apparent activation energy (paper: Co migration 1.58 to 2.33)", "eV", low=0.0)

    darkening: float = setting(0.3, "mean relative darkening of a degraded place", low=0.0)
    darkening_spread: float = setting(0.4, "relative standard deviation of the darkening between places", low=0.0)
    fall_s: float = setting(2.5, "time a place takes to fall from 12 to 88 % of its first darkening", "s", low=1e-6)
    slow_share: float = setting(0.3, "share of the darkening that comes slowly afterwards", low=0.0)
    slow_s: float = setting(20.0, "time constant of the slow part", "s", low=1e-6)
    voids_per_um2: float = setting(1800.0, "voids that open behind the front", "1/um2", low=0.0)
    void_nm: float = setting(6.0, "final radius of such a void, median", "nm", low=1e-3)
    void_depth: float = setting(0.45, "relative darkening at the centre of such a void", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.darkening > 0.9 or self.slow_share >= 1 or self.void_depth > 0.9 or self.wall_contrast > 0.9:
            raise SettingsError("darkening, void_depth and wall_contrast must stay at most 0.9, slow_share below 1")
        if self.hidden_walls > 1 or self.active_sites > 1:
            raise SettingsError("hidden_walls and active_sites are shares: at most 1")
        high = (self.pt_strip_nm + self.vacuum_nm) / self.pixel_size_nm
        if high > 0.7 * self.height_px:
            raise SettingsError("pt_strip_nm and vacuum_nm leave less than a third of the field for the lamella")


@dataclass(frozen=True)
class PrecipitateScene(HeatedRecording):
    """A bright crystal (Co metal) growing on a facet of a dark hexagonal void from a temperature on."""

    height_px: int = setting(256, "height of a frame", "px", low=32)
    width_px: int = setting(256, "width of a frame", "px", low=32)
    frames: int = setting(100, "frames recorded", low=1)
    frame_interval_s: float = setting(1.2, "time between frames", "s", low=1e-9)
    pixel_size_nm: float = setting(0.2, "edge of a pixel", "nm", low=1e-6)
    start_c: float = setting(430.0, "temperature at the start of the movie", "degC", low=-273.0)
    settling_px: float = setting(3.0, "how far the holder settles thermally", "px", low=0.0)

    void_nm: float = setting(30.0, "diameter of the void", "nm", low=1e-3)
    void_depth: float = setting(0.8, "relative darkening of the void", low=0.0)
    void_slope_nm: float = setting(2.5, "width of the void's inclined facets", "nm", low=1e-3)
    crystal_nm: float = setting(14.0, "final diameter of the crystal", "nm", low=1e-3)
    crystal_contrast: float = setting(1.1, "brightness of the crystal over that of the matrix", low=0.0)
    crystal_sunk: float = setting(0.2, "share of the crystal's height that lies beyond the void's rim", low=0.0)
    growth_c: float = setting(450.0, "temperature at which the crystal starts", "degC")
    growth_span_c: float = setting(50.0, "rise in which it reaches 63 % of its area", "degC", low=1e-6)
    texture: float = setting(0.02, "standard deviation of the fine texture of the matrix", low=0.0)
    texture_nm: float = setting(1.0, "size of the fine texture", "nm", low=1e-3)
    thickness_gradient: float = setting(0.1, "relative change of thickness across the field", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crystal_sunk > 1 or self.void_depth > 1:
            raise SettingsError("crystal_sunk and void_depth are shares: at most 1")
