"""A whole run, in the form in which it is saved in a file."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import secrets
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autolr_widget.engine.grid import grid
from autolr_widget.engine.live import look
from autolr_widget.engine.live.look import Look
from autolr_widget.engine.reading.results import RUN, TuneResults, content_of, results_of
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.saved.version_1 import upgrade
from autolr_widget.engine.settings import DEFAULTS, Settings
from autolr_widget.engine.strict_json import check_format, fields, numbers, of_type, parse
from autolr_widget.engine.types import Round

VERSION = 2
#: The largest size of a file in bytes: about three million losses. Larger files are not read.
LIMIT = 2**26


@dataclass(frozen=True, eq=False)
class SavedRun:
    """A run: its settings, its rounds, and information about the model and the versions it was measured with.

    Parameters
    ----------
    settings
        The settings of the run. There may be more rounds than ``num_subsamples``, which only tells when to stop.
    results
        The rounds, on the grid of ``settings``.
    losses
        The loss before the steps of each round, shape ``(rounds,)``.
    start
        A fingerprint of the data and of the state in which the run began, see
        `autolr_widget.engine.saved.fingerprint`. Empty if it is not known.
    began
        The time at which the first round began, in UTC and ISO 8601.
    model, optimizer
        The name of the model, and the class of the optimizer.
    autolr_widget, keras, tensorflow
        The versions of the packages that measured the run.
    looks
        What was found when the tuner looked again while the model trained.
    pinned_lr
        The rate that the user chose in the widget. None if the rule chooses.
    num_observations
        The number of observations in the data. None if it is not known.
    own_batch_size
        The size of the batches of a stream. None for other data.

    Raises
    ------
    ValueError
        If two arguments do not fit together. The message names one of them.
    """

    settings: Settings
    results: TuneResults
    losses: NDArray[np.float64]
    start: str = ""
    began: str = ""
    model: str = ""
    optimizer: str = ""
    autolr_widget: str = ""
    keras: str = ""
    tensorflow: str = ""
    looks: tuple[Look, ...] = ()
    pinned_lr: float | None = None
    num_observations: int | None = None
    own_batch_size: int | None = None

    def __post_init__(self) -> None:
        settings, rates = self.settings, self.results.rates
        losses = np.array(self.losses, dtype=np.float64)
        losses.flags.writeable = False
        object.__setattr__(self, "losses", losses)
        if losses.shape != (len(self.results),) or not np.isfinite(losses).all():
            raise ValueError(
                "Argument `losses` must contain one finite number per round. "
                f"Received: losses of shape {losses.shape}, {len(self.results)} rounds"
            )
        for name in ("pinned_lr", "num_observations", "own_batch_size"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"Argument `{name}` must be a positive number or None. Received: {name}={value}")
        # Compare the sizes first, because the grid of the settings may be huge. Compare the rates only approximately,
        # because NumPy's last bit depends on the machine.
        if (rates.size, self.results.scale) != (settings.num_evals, settings.scale) or not np.allclose(
            rates, grid(settings.lr_min, settings.lr_max, settings.num_evals, settings.scale), rtol=1e-9, atol=0
        ):
            raise ValueError(
                f"Argument `results` must be on the grid of `settings`. Received: {rates.size} rates from "
                f"{rates.min(initial=np.inf):.4g} to {rates.max(initial=0):.4g}, {settings}"
            )
        if self.results.curves is not None and self.results.curves.shape[2] != settings.horizon:
            raise ValueError(
                "Argument `results` must have curves of as many steps as `settings`. "
                f"Received: curves of shape {self.results.curves.shape}, horizon={settings.horizon}"
            )
        if settings.pruner == "none" and not np.all(self.results.measured):
            raise ValueError(
                'Argument `results` must be measured at all rates with pruner="none". Received: results of a race.'
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SavedRun):
            return NotImplemented
        return self.to_json() == other.to_json()

    __hash__ = None  # type: ignore[assignment]  # equal by value, and arrays have no hash

    @property
    def rounds(self) -> tuple[Round, ...]:
        """The rounds."""
        results, horizon = self.results, self.settings.horizon
        assert results.measured is not None
        # Runs of version 1 have no curves.
        curves = np.full((*results.deltas.shape, horizon), np.nan) if results.curves is None else results.curves
        starts = np.full((len(results), horizon), np.nan) if results.starts is None else results.starts
        columns = range(len(results)), self.losses.tolist(), results.deltas, results.measured, curves, starts
        return tuple(Round(*round) for round in zip(*columns, strict=True))

    def to_json(self) -> str:
        """Return the run as strict JSON.

        Floats keep every bit. A rate that diverged or was not measured is ``null``.
        """
        content = {
            "format": RUN,
            "version": VERSION,
            **{name: getattr(self, name) for name in WORDS},
            "settings": dataclasses.asdict(self.settings),
            "losses": self.losses.tolist(),
            "results": content_of(self.results),
        }
        if self.looks:
            content["looks"] = look.content_of(self.looks)
        content |= {name: getattr(self, name) for name in NUMBERS if getattr(self, name) is not None}
        return json.dumps(content, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> SavedRun:
        """Read a run from JSON that `to_json` wrote. It equals the run that was written.

        If its rule is not one of `RULES`, it gets the default rule, and a `UserWarning` says so.

        Raises
        ------
        ValueError
            If ``text`` is not such JSON. The message says what is wrong with it.
        """
        try:
            return _saved_run(parse(text))
        except ValueError as error:
            raise ValueError(f"Argument `text` must be JSON written by `SavedRun.to_json`, but {error}") from error

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the run to ``path``, as JSON.

        The file is never half written: if the process is killed or the power fails, it contains either its former
        content or the whole run.

        Raises
        ------
        OSError
            If the file can't be written.
        ValueError
            If the run would be too large for `read`.
        """
        text = self.to_json().encode()
        if len(text) > LIMIT:
            raise ValueError(
                f"The run is too large: a file of more than {LIMIT >> 20} MB can't be read again. "
                f"Received: a run of {len(text) >> 20} MB."
            )
        write_whole(path, text)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SavedRun:
        """Read the run that `write` wrote to ``path``. If its rule is not known, it gets the default rule and warns.

        Raises
        ------
        OSError
            If the file does not exist or can't be read.
        ValueError
            If the file does not contain a saved run, or is damaged.
        """
        try:
            return _saved_run(parse(_bytes(path).decode()))
        except ValueError as error:
            name = os.fspath(path)
            raise ValueError(
                "Argument `path` must name a .json file written by `TunerWidget.save` or `autosave`. "
                f"Received: path={name!r}, but {error}"
            ) from error


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Replace the file at ``path`` by one that contains ``data``, in one step: it is never half written."""
    # Replace the file that a link points to, not the link.
    target = Path(os.path.realpath(path))
    aside = target.with_name(f".autolr_widget-{secrets.token_hex(8)}")
    try:
        with open(aside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, target)
    except OSError as error:
        if error.errno is None:
            raise
        # Name the user's file instead of the one aside.
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
    finally:
        aside.unlink(missing_ok=True)


#: The fields that are text. They are shown to people and compared with those of other runs.
WORDS = tuple(field.name for field in dataclasses.fields(SavedRun) if field.default == "")
#: The fields that are numbers, with their types. They are only in the file if they are known.
NUMBERS: dict[str, tuple[type, ...]] = {"pinned_lr": (int, float), "num_observations": (int,), "own_batch_size": (int,)}
_TYPES: dict[Any, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,)}


def _saved_run(content: Any) -> SavedRun:
    check_format(content, RUN, 1, VERSION)
    fields("run", content, ("format", "version", "settings", "losses", "results", *WORDS), ("looks", *NUMBERS))
    types = {field.name: _TYPES[field.type] for field in dataclasses.fields(Settings)}
    written = content["settings"] if content["version"] == VERSION else upgrade(content["settings"])
    asked = fields("settings", written, types)
    values = {name: of_type(name, asked[name], *types[name]) for name in types}
    numbers_given = {name: of_type(name, content[name], *NUMBERS[name]) for name in NUMBERS if name in content}
    if "pinned_lr" in numbers_given:
        numbers_given["pinned_lr"] = float(numbers("pinned_lr", [numbers_given["pinned_lr"]])[0])
    method = values["method"] if values["method"] in RULES else DEFAULTS["method"]
    run = SavedRun(
        Settings(**values | {"method": method}),
        results_of(content["results"]),
        numbers("losses", content["losses"]),
        **{name: of_type(name, content[name], str) for name in WORDS},
        looks=look.looks_of(content.get("looks", [])),
        **numbers_given,
    )
    if run.settings.method != values["method"]:
        rule = values["method"][:60]
        # The caller of `TunerWidget.load`.
        warnings.warn(
            f"The run was saved with the rule {rule!r}, which is not known here. It gets the rule "
            f"{run.settings.method!r}, and has that if it is saved again. To read it with its own rule, add that rule "
            f"first: autolr_widget.engine.reading.selection.RULES[{rule!r}] = lambda rates, deltas: ...",
            stacklevel=4,
        )
    return run


def _bytes(path: str | os.PathLike[str]) -> bytes:
    status = os.stat(path)
    # Check this before the file is opened: opening a pipe would wait until something is written to it.
    if not stat.S_ISREG(status.st_mode) or status.st_size > LIMIT:
        raise ValueError(f"it is not a file of at most {LIMIT >> 20} MB")
    return Path(path).read_bytes()
