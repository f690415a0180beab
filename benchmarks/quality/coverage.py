"""How often the bands are right: at a round that is fixed in advance, and in all rounds while somebody watches.

``python -m benchmarks.quality.coverage`` prints the tables of ``docs/bands.md`` in about a minute.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from collections.abc import Callable, Iterator

import numpy as np

from autolr_widget import LRTuner
from autolr_widget.engine.reading.band import BANDS, Band, normal
from autolr_widget.engine.types import Floats
from benchmarks.quality.tasks import compiled, tasks

ALPHA = 0.05
ROUNDS = 100
FIXED = (10, 30, 100)
#: The rounds from which somebody watches.
SINCE = (2, 5, 10)

Sampler = Callable[[np.random.Generator, tuple[int, int]], Floats]


def asymptotic(deltas: Floats, alpha: float) -> Band:
    """The asymptotic confidence sequence of Waudby-Smith et al. (2021), tightest at 10 rounds, for comparison."""
    mean, std, _, _, n = vars(normal(deltas, alpha)).values()
    rho = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha)) + 1) / 10
    margin = std * np.sqrt(2 * (n * rho + 1) / (n**2 * rho) * np.log(np.sqrt(n * rho + 1) / alpha))
    return Band(mean, std, mean - margin, mean + margin, n)


KINDS = BANDS | {"asymptotic": asymptotic}
#: The number of simulated runs, and the rounds at which the band is checked. The bootstrap has fewer of both: it is
#: thousands of times slower.
RUNS = dict.fromkeys(KINDS, 20_000) | {"bootstrap": 2000}
LOOKS = dict.fromkeys(KINDS, tuple(range(2, ROUNDS + 1))) | {"bootstrap": (2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100)}


def pools() -> Iterator[tuple[str, Floats]]:
    """Yield 2,000 real ΔL minus their mean, for each of several rates: good ones, near divergence, and past it.

    The model is a network on the digits.
    """
    task = tasks()["digits-mlp"]
    for horizon, rates in ((25, (0.3, 1.0, 1.7)), (1, (0.1, 3.0))):
        tuner = LRTuner(
            compiled(task, "sgd", 0),
            task.x,
            task.y,
            lr_space=(rates[0], rates[-1]),
            scale="linear",
            num_evals=len(rates),
            num_subsamples=2000,
            horizon=horizon,
            evaluate_on="progressive",
        )
        list(tuner)
        for rate, column in zip(rates, tuner.deltas.T, strict=True):
            # With a NaN in the pool, its mean would be NaN too, and no band would ever miss it.
            deltas = column[np.isfinite(column)]
            yield f"real ΔL, {horizon} step{'s' * (horizon > 1)}, rate {rate:g}", deltas - deltas.mean()


def samplers() -> dict[str, Sampler]:
    """Return samplers of distributions with a mean of 0."""
    drawn: dict[str, Sampler] = {
        "normal": lambda generator, shape: generator.normal(size=shape),
        "exponential": lambda generator, shape: generator.exponential(size=shape) - 1,
        "t with 3 degrees of freedom": lambda generator, shape: generator.standard_t(3, size=shape),
    }
    for name, pool in pools():
        drawn[name] = lambda generator, shape, pool=pool: generator.choice(pool, shape)
    return drawn


def simulate(kind: str, sample: Sampler) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray], dict[int, float]]:
    """Return, by round, which runs have a band below the mean, which have one above it, and the mean width."""
    deltas = sample(np.random.default_rng(0), (ROUNDS, RUNS[kind]))
    below, above, widths = {}, {}, {}
    for n in LOOKS[kind]:
        band = KINDS[kind](deltas[:n], ALPHA)
        # An infinite band misses nothing.
        below[n], above[n] = band.upper < 0, band.lower > 0
        if n in FIXED:
            widths[n] = float(np.mean(band.upper - band.lower))
    return below, above, widths


def ever(misses: dict[int, np.ndarray], since: int) -> float:
    return float(np.any([misses[n] for n in misses if n >= since], axis=0).mean())


def table(*header: str, rows: dict[str, list[str]]) -> None:
    print("\n| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


def percent(shares: list[float]) -> str:
    return " / ".join(f"{100 * share:.0f}" for share in shares)


def main() -> None:
    watched: dict[str, list[str]] = {}
    sides: dict[str, list[str]] = {}
    fixed: dict[str, list[str]] = {}
    ratios: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for name, sample in samplers().items():
        found = {kind: simulate(kind, sample) for kind in KINDS}
        watched[name], sides[name], fixed[name] = [], [], []
        for kind, (below, above, widths) in found.items():
            misses = {n: below[n] | above[n] for n in below}
            watched[name].append(percent([1 - ever(misses, since) for since in SINCE]))
            sides[name].append(percent([ever(below, 2), ever(above, 2)]))
            fixed[name].append(percent([1 - misses[n].mean() for n in FIXED]))
            ratios[kind].append([widths[n] / found["t"][2][n] for n in FIXED])
    spans = {
        kind: [f"{low:.2f}" if high - low < 0.005 else f"{low:.2f}–{high:.2f}" for low, high in zip(*ends, strict=True)]
        for kind, ends in ((kind, (np.min(rows, axis=0), np.max(rows, axis=0))) for kind, rows in ratios.items())
    }
    runs = ", ".join(f"{kind} {count:,}" for kind, count in RUNS.items())
    print(f"α = {ALPHA}; runs: {runs}; the bootstrap is checked only in rounds {LOOKS['bootstrap']}")
    table(f"right in every round from {' / '.join(map(str, SINCE))} to {ROUNDS}, %", *KINDS, rows=watched)
    table(f"ever below / ever above the mean, 2 to {ROUNDS}, %", *KINDS, rows=sides)
    table(f"right at round {' / '.join(map(str, FIXED))}, %", *KINDS, rows=fixed)
    table("mean width, Student's = 1", *(f"at {n}" for n in FIXED), rows=spans)


if __name__ == "__main__":
    main()
