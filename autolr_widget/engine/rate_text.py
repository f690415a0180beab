"""How a learning rate is written in messages and on the screen."""


def rate_text(rate: float, digits: int = 3) -> str:
    """Return a rate in so many digits, as the front end writes it: 0.001, 3.16e-5, 0.25, 1e+6."""
    rounded = float(f"{rate:.{digits}g}")
    if rounded == 0 or 1e-3 <= rounded < 1e5:
        return f"{rounded:g}"
    mantissa, _, exponent = f"{rounded:e}".partition("e")
    return f"{float(mantissa):g}e{int(exponent):+d}"
