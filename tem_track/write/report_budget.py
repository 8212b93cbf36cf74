"""Parts of the report that say how far to trust V/V0: the itemised interval."""

from __future__ import annotations

import html
from collections.abc import Mapping
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
        f"<td>{html.escape(item['meaning'])}</td></tr>"
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


def _per_cent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.2g} %"
