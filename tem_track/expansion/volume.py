"""From a projected area to a volume, by a named model, with the error that the area's error makes.

Lengths are in one unit (px or nm), areas and volumes in its square and cube.
"""

from __future__ import annotations

import numpy as np

from tem_track.movie import FloatArray

MODELS = ("sphere", "spheroid", "film")


def equivalent_diameter(area: FloatArray) -> FloatArray:
    """Return the diameter of the circle of a given area, d = 2 sqrt(A / pi); (N,) length from (N,) length^2.

    >>> float(equivalent_diameter(np.array([np.pi]))[0])
    2.0
    """
    return np.asarray(2.0 * np.sqrt(np.asarray(area, float) / np.pi))


def diameter_sd(area: FloatArray, area_sd: FloatArray) -> FloatArray:
    """Return the standard uncertainty of the equivalent diameter, d(d)/dA = d / (2 A); (N,) length."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(equivalent_diameter(area) * area_sd / (2.0 * np.asarray(area, float)))


def ball_volume(diameter: FloatArray) -> FloatArray:
    """Return the volume of a ball of given diameter, pi d^3 / 6; (N,) length^3 from (N,) length."""
    return np.asarray(np.pi / 6.0 * np.asarray(diameter, float) ** 3)


def envelope_volume(
    area: FloatArray, model: str, major_axis: FloatArray | None = None, minor_axis: FloatArray | None = None
) -> FloatArray:
    """Return the volume inside the outer outline by a model.

    Parameters
    ----------
    area : (N,) float64
        Projected area, length^2.
    model : str
        ``"sphere"``: (4/3) pi (A/pi)^(3/2). ``"spheroid"``: the ellipse of the measured aspect ratio and of the
        measured area, turned about its long axis, (4/3) pi a b^2 of its semi-axes. ``"film"``: A times unit thickness,
        of which only ratios mean anything.
    major_axis, minor_axis : (N,) float64, optional
        Full axes of the ellipse with the outline's second moments; only their ratio is used, so that a rough outline
        does not make the particle larger than its area. Where they are not known the spheroid is a sphere.

    Returns
    -------
    (N,) float64
        Volume, length^3 (film: length^2).

    Raises
    ------
    ValueError
        An unknown model.

    Notes
    -----
    With q = a / b and A = pi a b the spheroid is the sphere divided by sqrt(q).
    """
    if model not in MODELS:
        raise ValueError(f"unknown volume model {model!r}; known: {', '.join(MODELS)}")
    area = np.asarray(area, float)
    if model == "film":
        return area.copy()
    sphere = ball_volume(equivalent_diameter(area))
    if model == "sphere" or major_axis is None or minor_axis is None:
        return sphere
    return np.asarray(sphere / np.sqrt(aspect_ratio(major_axis, minor_axis)))


def aspect_ratio(major_axis: FloatArray, minor_axis: FloatArray) -> FloatArray:
    """Return long over short axis, (N,), 1 where the axes are not known."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.asarray(major_axis, float) / np.asarray(minor_axis, float)
    return np.where(np.isfinite(ratio) & (ratio >= 1.0), ratio, 1.0)


def ellipse_perimeter(area: FloatArray, major_axis: FloatArray, minor_axis: FloatArray) -> FloatArray:
    """Return the perimeter of the ellipse of a given area and aspect ratio, (N,) length.

    References
    ----------
    S. Ramanujan, Q. J. Math. 45 (1914) 350: pi (3 (a + b) - sqrt((3 a + b) (a + 3 b))), to 1e-5 up to a / b = 3.

    >>> one = np.array([1.0])
    >>> round(float(ellipse_perimeter(np.pi * one, one, one)[0] / np.pi), 6)
    2.0
    """
    ratio = aspect_ratio(major_axis, minor_axis)
    b = np.sqrt(np.asarray(area, float) / (np.pi * ratio))
    a = ratio * b
    return np.asarray(np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))))


def volume_exponent(model: str) -> float:
    """Return p of V ~ A^p: 3/2 for bodies, 1 for a film; a relative area error makes p times that in the volume."""
    return 1.0 if model == "film" else 1.5


def ratio_by_model(ratio: float, model: str, aspect_start: float, aspect_end: float) -> dict[str, float]:
    """Return V/V0 under every model from that under one of them.

    Parameters
    ----------
    ratio : float
        V/V0 under `model`.
    model : str
    aspect_start, aspect_end : float
        Aspect ratio q of the outline at V0 and at V, NaN where not known.

    Returns
    -------
    dict of str to float
        With r = A/A0: sphere r^(3/2), spheroid r^(3/2) sqrt(q0 / q), film r. NaN where the ratio, fitted, is below 0.

    >>> ratio_by_model(8.0, "sphere", 1.0, 4.0)
    {'sphere': 8.0, 'spheroid': 4.0, 'film': 4.0}
    """
    stretch = float(np.sqrt(aspect_start / aspect_end))
    ratio = ratio if ratio >= 0 else float("nan")
    ball = {"sphere": ratio, "spheroid": ratio / stretch, "film": ratio**1.5}[model]
    return {"sphere": ball, "spheroid": ball * stretch, "film": ball ** (2 / 3)}


def parts(
    envelope: FloatArray,
    outer: FloatArray,
    outer_sd: FloatArray,
    core: FloatArray,
    core_sd: FloatArray,
    void: FloatArray,
    void_sd: FloatArray,
) -> dict[str, tuple[FloatArray, FloatArray]]:
    """Return volume and standard uncertainty of core, shell and void from their equivalent diameters.

    Parameters
    ----------
    envelope : (N,) float64
        Volume of the envelope by the track's model, length^3.
    outer, core, void : (N,) float64
        Equivalent diameters, length; NaN where there is none.
    outer_sd, core_sd, void_sd : (N,) float64
        Their standard uncertainties.

    Returns
    -------
    dict of str to ((N,), (N,))
        ``core`` (without its void), ``shell`` (envelope minus core with void) and ``void``; length^3.

    Notes
    -----
    Core and void share the envelope's shape, V_part = V_envelope (d_part / d_outer)^3, so that shell + core + void is
    the envelope under every model. Errors of the three outlines are taken as independent.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inner, hole = envelope * (core / outer) ** 3, envelope * (np.nan_to_num(void) / outer) ** 3
        inner_sd = 3 * inner * core_sd / core
        hole_sd = np.where(hole > 0, 3 * hole * np.nan_to_num(void_sd) / np.where(void > 0, void, 1.0), 0.0)
        envelope_sd = 3 * envelope * outer_sd / outer
    seen_hole = np.where(np.isfinite(void), hole, np.nan)
    return {
        "core": (inner - hole, np.hypot(inner_sd, hole_sd)),
        "shell": (envelope - inner, np.hypot(envelope_sd, inner_sd)),
        "void": (seen_hole, np.where(np.isfinite(void), hole_sd, np.nan)),
    }
