"""Particles of several oxides: each reacts along its own path, the volumes add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tem_track.theory.phases import Phase
from tem_track.theory.reaction import Amounts, Reaction

# What the lithiation paper found for NiO@CuO by EELS and diffraction at 1.2 and 0.5 V: CuO -> Cu2O alone first, then
# both metals together. Nothing general is known, so every mixture says that this was taken.
_ORDER = "the last stages of all parts are taken to coincide; a part with fewer stages waits for them"


def mixture(
    parts: Mapping[str, tuple[Reaction, float]], phases: Mapping[str, Phase], *, name: str, source: str
) -> Reaction:
    """Return the reaction of a mixture.

    Parameters
    ----------
    parts : mapping of name to (Reaction, float)
        Each part's reaction and how many moles of its starting solids there are.
    phases : mapping of str to Phase
    name, source : str

    Notes
    -----
    V/V0 = sum n_i v_i(after) / sum n_i v_i(before): the mole-weighted volumes, not the mean of the ratios. The last
    stages coincide, which the complete V/V0 does not depend on.
    """
    lengths = {len(reaction.after) for reaction, _ in parts.values()}
    count = max(lengths)
    scales = [moles / _solid_units(reaction.before, phases) for reaction, moles in parts.values()]
    before = _sum(zip((reaction.before for reaction, _ in parts.values()), scales, strict=True))
    # The states of every part after the same stage, stage by stage.
    states = zip(*(_padded(reaction, count) for reaction, _ in parts.values()), strict=True)
    after = tuple(_sum(zip(state, scales, strict=True)) for state in states)
    notes = [reaction.note for reaction, _ in parts.values() if reaction.note]
    note = "; ".join(dict.fromkeys([*notes, *([_ORDER] if len(lengths) > 1 else [])]))
    return Reaction(name, before, after, source, note)


def _padded(reaction: Reaction, count: int) -> tuple[Amounts, ...]:
    """Return the states after each of `count` stages; the reaction waits until its own stages are due."""
    return (reaction.before,) * (count - len(reaction.after)) + reaction.after


def _solid_units(amounts: Amounts, phases: Mapping[str, Phase]) -> float:
    return sum(amount for name, amount in amounts.items() if phases[name].volume)


def _sum(parts: Iterable[tuple[Amounts, float]]) -> Amounts:
    total: dict[str, float] = {}
    for amounts, scale in parts:
        for phase, amount in amounts.items():
            total[phase] = total.get(phase, 0.0) + scale * amount
    return total
