import pytest

from autolr_widget.engine.settings import Settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr_min": 0}, r"`lr_min` must be positive on a log grid\. Received: lr_min=0\.0"),
        ({"lr_min": -1, "scale": "linear"}, r"`lr_min` must not be negative"),
        ({"lr_min": 1, "lr_max": 1}, r"`lr_min` must be smaller than `lr_max`"),
        ({"lr_max": float("nan")}, r"`lr_max` must be a finite number\. Received: lr_max=nan"),
        ({"scale": "cubic"}, r"`scale` must be one of \('log', 'linear'\)\. Received: scale='cubic'"),
        ({"num_evals": 1}, r"`num_evals` must be an integer of at least 2\. Received: num_evals=1"),
        ({"num_evals": 2.5}, r"`num_evals` must be an integer"),
        ({"num_subsamples": 0}, r"`num_subsamples` must be an integer of at least 1"),
        ({"batch_size": True}, r"`batch_size` must be an integer"),
        ({"horizon": 0}, r"`horizon` must be an integer of at least 1"),
        ({"horizon": 10**6}, r"`horizon` and `batch_size` must ask for at most 10,000,000 observations"),
        ({"evaluate_on": "all"}, r"`evaluate_on` must be one of \('progressive', 'train', 'held-out'\)"),
        ({"pruner": "some"}, r"`pruner` must be one of \('none', 'racing'\)"),
        ({"stop_rule": "soon"}, r"`stop_rule` must be one of \('rounds', 'settled'\)"),
        (
            {"method": "best"},
            r"`method` must be one of \('mean', 'median', 'variance', 'max', 'steady', 'half-minimum',",
        ),
        ({"band": "wide"}, r"`band` must be one of \('normal', 't', 'bootstrap', 'anytime'\)"),
        ({"alpha": 1.0}, r"`alpha` must lie between 0 and 1"),
        ({"seed": -1}, r"`seed` must be an integer of at least 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Settings(**settings)
