from autolr_widget.engine.reading.schedule import cosine_restarts


def test_cosine_restarts_are_keras_s_with_these_arguments():
    names = ("initial_learning_rate", "first_decay_steps", "t_mul", "m_mul", "alpha")
    for arguments, expected in [
        ({"max_lr": 0.1, "steps_per_epoch": 50}, (0.1, 200, 2.0, 0.9, 1e-8)),
        (
            {"max_lr": 0.2, "steps_per_epoch": 5, "stepsize": 3, "t_mul": 1.5, "m_mul": 0.8, "alpha": 0.01},
            (0.2, 15, 1.5, 0.8, 0.01),
        ),
    ]:
        config = cosine_restarts(**arguments).get_config()
        assert tuple(config[name] for name in names) == expected
