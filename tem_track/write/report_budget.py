"""Parts of the report that say how far to trust V/V0: the itemised interval, and what shifted settings do."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any


def budget_html(budget: Mapping[str, Any] | None) -> str:
    """Return the items of the final V/V0's uncertainty as a table, empty for none.

    Parameters
    ----------
    budget : mapping or None
        ``uncertainty`` of `run.json`.
    """
    if not budget:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(item['item'])}</td><td class=num>{_per_cent(item['median'])}</td>"
        f"<td class=num>{_per_cent(item['largest'])}</td><td>{'yes' if item['in_interval'] else 'no'}</td>"
        # Tables of numbers do not wrap; this column is a sentence.
        f'<td style="white-space:normal;min-width:24em">{html.escape(item["meaning"])}</td></tr>'
        for item in budget["items"]
    )
    head = (
        "<tr><th>item</th><th class=num>median</th><th class=num>largest</th><th>in the interval</th><th>what</th></tr>"
    )
    count = budget["particles"]
    return (
        f"<div class=scroll><table><thead>{head}</thead><tbody>{rows}</tbody></table></div><p class=note>relative "
        f"standard uncertainty of the final V/V0 over {count} particle{'s' if count != 1 else ''} (volume model: half "
        "the spread of the models); each particle's own is in particles.csv</p>"
    )


def sensitivity_html(shifts: Sequence[Mapping[str, Any]] | None) -> str:
    """Return what each shifted setting does to the final V/V0 as a table, empty for none.

    Parameters
    ----------
    shifts : sequence of mapping or None
        ``sensitivity`` of `run.json`.
    """
    if not shifts:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(shift['setting'])}</td><td>{html.escape(shift['value'])}</td>"
        f"<td class=num>{shift['particles']}</td><td class=num>{_change(shift['median_change'])}</td>"
        f"<td class=num>{_change(shift['largest_change'])}</td><td class=num>{shift['beyond_interval']}</td>"
        f"<td class=num>{_change(shift['median_half_interval'])}</td></tr>"
        for shift in shifts
    )
    head = (
        "<tr><th>setting</th><th>shifted to</th><th class=num>particles</th><th class=num>median change of V/V0</th>"
        "<th class=num>largest</th><th class=num>beyond their own interval</th>"
        "<th class=num>half the 95 % interval then, median</th></tr>"
    )
    return (
        f"<div class=scroll><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
        '<p class=note>particle by particle in <a href="sensitivity.csv">sensitivity.csv</a></p>'
    )


def _change(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2g} %"
