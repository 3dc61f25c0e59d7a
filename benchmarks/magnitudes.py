"""Large numbers for tables: durations, prices, sizes, powers of ten."""

import math

_UNITS = (
    *(("years", 31_557_600), ("d", 86_400), ("h", 3600)),
    *(("min", 60), ("s", 1)),
)


def duration(seconds: float) -> str:
    """Writes a duration with two digits."""
    unit, length = next(
        (each for each in _UNITS if seconds >= each[1]), _UNITS[-1]
    )
    value = seconds / length
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.2g} {unit}"


def price(dollars: float) -> str:
    """Writes a price: cents below ten dollars."""
    return f"${dollars:.2f}" if dollars < 10 else f"${dollars:,.0f}"


def size(num_bytes: float) -> str:
    """Writes a number of bytes with two digits."""
    for unit, factor in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if num_bytes >= factor:
            value = num_bytes / factor
            return (
                f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
            )
    return f"{num_bytes / 1e3:.0f} kB"


def power(count: int) -> str:
    """Writes a power of ten."""
    return f"10^{round(math.log10(count))}"
