"""The logs of the real packages, offline. They run in a process of their own, as they leave threads and processes."""

import os
import re
import subprocess
import sys

import pytest

from autolr_widget import TunerWidget

# One process for all three, because to import TensorFlow and to trace the model takes longer. Each is imported when it
# is needed, as by users. MLflow's comes last: it changes a setting.
RUN = """
from pathlib import Path
import keras, numpy as np, tensorflow as tf
from autolr_widget import TunerWidget
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
x, y = np.random.default_rng(0).normal(size=(64, 4)), np.zeros((64, 1))
model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x, y, batch_size=32, verbose=0)
tuner = TunerWidget(model, x, y, num_evals=5, num_subsamples=2, horizon=2)
tuner.run()
train = {"epochs": 2, "batch_size": 32, "verbose": 0, "callbacks": [tuner.callback()]}
fit = lambda: model.fit(x, y, validation_data=(x, y), **train).history

with tf.summary.create_file_writer("logs").as_default():
    names = tuner.log()
    history = fit()
log = EventAccumulator("logs").Reload()
event = log.Tensors("autolr/learning_rate")[0]
width, height, png = log.Tensors("autolr/curve")[0].tensor_proto.string_val
text = log.Tensors("autolr/settings")[0].tensor_proto.string_val[0]
rate = float(tf.make_ndarray(event.tensor_proto))
losses = [(event.step, float(tf.make_ndarray(event.tensor_proto))) for event in log.Tensors("autolr/val_loss")]
print(["losses"], losses == [(4, history["val_loss"][0]), (6, history["val_loss"][1])])
print(names, event.step, abs(rate / tuner.selected_lr - 1) < 1e-6, png[:4], int(width), b"| num_evals | 5 |" in text)

import wandb
with wandb.init(mode="offline", dir=".", project="test", settings=wandb.Settings(silent=True)) as run:
    names = tuner.log()
    logged = run.summary["autolr/learning_rate"] == tuner.selected_lr, run.config["autolr"]["num_evals"]
    logged += fit()["loss"][-1] == run.summary["autolr/loss"], run.summary["autolr/step"]
print(names, *logged, len([*Path("wandb").glob("offline-run-*/files/media/images/autolr/*.png")]))

import mlflow
mlflow.set_tracking_uri(Path("runs").absolute().as_uri())
with mlflow.start_run() as run:
    names = tuner.log()
    history = fit()
    tuner.num_evals = 6
    tuner.run()
    tuner.log()
client = mlflow.MlflowClient()
found = client.get_run(run.info.run_id).data
losses = [metric.value for metric in client.get_metric_history(run.info.run_id, "autolr/loss")]
metric = client.get_metric_history(run.info.run_id, "autolr/learning_rate")
files = [file.path for file in client.list_artifacts(run.info.run_id, "autolr")]
print(["losses"], losses == history["loss"])
print(names, metric[0].step, len(metric), metric[-1].value == tuner.selected_lr, found.tags["autolr/num_evals"], files)
"""


@pytest.mark.slow
def test_a_run_goes_to_each_log_that_is_active_and_a_later_one_too(tmp_path):
    # MLflow's only store that needs no database, which it advises against.
    environment = {**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}
    command = [sys.executable, "-c", RUN]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [line for line in done.stdout.splitlines() if line.startswith("[")] == [
        "['losses'] True",
        "['TensorBoard'] 2 True b'\\x89PNG' 800 True",
        "['Weights & Biases'] True 5 True 10 1",
        "['losses'] True",
        "['MLflow'] 10 4 True 6 ['autolr/curve.png']",
    ]


def test_without_an_active_log_the_ways_out_are_named(make_model, digits):
    widget = TunerWidget(make_model(), *digits)
    with pytest.raises(ValueError, match=re.escape("No learning rate is selected.")):
        widget.log()
    widget.selected_lr = 0.1
    with pytest.raises(ValueError, match=re.escape("Begin a run with `mlflow.start_run()` or `wandb.init()`")):
        widget.log()
