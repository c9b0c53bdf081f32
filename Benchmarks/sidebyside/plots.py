"""Dot plots as SVG: a row for each server, a small dot for each round, a large one for the median."""

import html
import math
import statistics

WIDTH, LEFT, RIGHT, ROW, TOP, BOTTOM = 760, 150, 80, 26, 10, 30


def dots(rows: list[tuple[str, list[float]]], unit: str, decimals: int) -> str:
    """A plot over a logarithmic axis. Rows without values say so."""
    values = [value for _, row in rows for value in row if value > 0]
    if not values:
        return "<p>Nothing was measured.</p>"
    low, high = math.log10(min(values)) - 0.08, math.log10(max(values)) + 0.08
    height = TOP + ROW * len(rows) + BOTTOM

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [f'<svg viewBox="0 0 {WIDTH} {height}" role="img">']
    for tick in ticks(low, high):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{TOP}" y2="{height - BOTTOM}"/>')
        parts.append(f'<text class="tick" x="{x(tick):.1f}" y="{height - BOTTOM + 16}">{tick:,.10g}</text>')
    parts.append(f'<text class="unit" x="{WIDTH - 4}" y="{height - 2}">{html.escape(unit)}</text>')
    for index, (label, row) in enumerate(rows):
        y = TOP + ROW * index + ROW / 2
        kind = "own" if label.startswith("broker") else "floor" if "floor" in label else "peer"
        parts.append(f'<text class="label" x="{LEFT - 10}" y="{y + 4:.1f}">{html.escape(label)}</text>')
        row = [value for value in row if value > 0]
        if not row:
            parts.append(f'<text class="none" x="{LEFT + 4}" y="{y + 4:.1f}">not measured</text>')
            continue
        parts += [f'<circle class="{kind} round" cx="{x(value):.1f}" cy="{y:.1f}" r="3"/>' for value in row]
        median = statistics.median(row)
        parts.append(f'<circle class="{kind}" cx="{x(median):.1f}" cy="{y:.1f}" r="6"><title>{median:,.{decimals}f} {unit}</title></circle>')
        parts.append(f'<text class="value" x="{WIDTH - RIGHT + 14}" y="{y + 4:.1f}">{median:,.{decimals}f}</text>')
    return "".join(parts) + "</svg>"


def ticks(low: float, high: float) -> list[float]:
    """1, 2 and 5 times the powers of ten between the bounds; the powers alone if that would be too many."""
    found = [factor * 10.0**power for power in range(math.floor(low), math.ceil(high) + 1) for factor in (1, 2, 5)]
    found = [value for value in found if low <= math.log10(value) <= high]
    return found if len(found) <= 10 else [value for value in found if round(math.log10(value), 6) % 1 == 0]
