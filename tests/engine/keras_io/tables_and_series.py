"""Examples of keras.io/examples/structured_data and keras.io/examples/timeseries."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.engine.keras_io.example import Example, Transformer, classes, example, numbers, stream, waves

COLUMNS = {"age": numbers(72, 1), "hours": numbers(72, 1, seed=8)}
COUNTRIES = np.array(["Chile", "Norway", "Ghana", "Japan"])[classes(4, (72, 1))]


@example("structured_data/imbalanced_classification")
def imbalanced_classification() -> Example:
    def build() -> keras.Model:
        model = keras.Sequential(
            [
                keras.Input((12,)),
                layers.Dense(16, "relu"),
                layers.Dropout(0.3),
                layers.Dense(16, "relu"),
                layers.Dropout(0.3),
                layers.Dense(1, "sigmoid"),
            ]
        )
        metrics = [keras.metrics.FalseNegatives(name="fn"), keras.metrics.Precision(name="precision")]
        model.compile(keras.optimizers.Adam(1e-2), "binary_crossentropy", metrics=metrics)
        return model

    rare = (np.random.default_rng(0).uniform(size=(72, 1)) < 0.2).astype("uint8")
    return Example(build, lambda: {"x": numbers(72, 12), "y": rare, "class_weight": {0: 1 / 58, 1: 1 / 14}})


@example("structured_data/collaborative_filtering_movielens")
def collaborative_filtering_movielens() -> Example:
    class Recommender(keras.Model):
        def __init__(self):
            super().__init__()
            decay = {"embeddings_initializer": "he_normal", "embeddings_regularizer": keras.regularizers.l2(1e-6)}
            self.user, self.movie = layers.Embedding(15, 5, **decay), layers.Embedding(25, 5, **decay)
            self.user_bias, self.movie_bias = layers.Embedding(15, 1), layers.Embedding(25, 1)

        def call(self, inputs):
            user, movie = self.user(inputs[:, 0]), self.movie(inputs[:, 1])
            # A sum over the whole batch, as on the page.
            match = ops.tensordot(user, movie, 2)
            return ops.sigmoid(match + self.user_bias(inputs[:, 0]) + self.movie_bias(inputs[:, 1]))

    def build() -> keras.Model:
        model = Recommender()
        model.compile(loss=keras.losses.BinaryCrossentropy(), optimizer=keras.optimizers.Adam(0.001))
        return model

    ratings = np.random.default_rng(0).uniform(size=72)
    return Example(build, lambda: {"x": np.stack([classes(15), classes(25, seed=2)], 1), "y": ratings})


def looked_up(inputs: dict[str, keras.KerasTensor], width: int) -> list[keras.KerasTensor]:
    """The numbers as they are, and the country as a number of its own and then as an embedding."""
    country = layers.StringLookup(vocabulary=["Chile", "Norway", "Ghana", "Japan"])(inputs["country"])
    embedded = layers.Reshape((width,))(layers.Embedding(5, width)(country))
    return [inputs["age"], inputs["hours"], embedded]


def columns() -> dict[str, keras.KerasTensor]:
    return {name: keras.Input((1,), name=name) for name in COLUMNS} | {
        "country": keras.Input((1,), name="country", dtype="string")
    }


@example("structured_data/wide_deep_cross_networks")
def wide_deep_cross_networks() -> Example:
    def build() -> keras.Model:
        inputs = columns()
        features = layers.concatenate(looked_up(inputs, 3))
        crossed = features
        for _ in range(2):
            crossed = features * layers.Dense(5)(crossed) + crossed
        crossed = layers.BatchNormalization()(crossed)
        deep = layers.Dropout(0.1)(layers.ReLU()(layers.BatchNormalization()(layers.Dense(8)(features))))
        outputs = layers.Dense(3, "softmax")(layers.concatenate([crossed, deep]))
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.Adam(0.001), keras.losses.SparseCategoricalCrossentropy())
        return model

    # Strings go into the model, which looks them up.
    return Example(build, lambda: {"x": stream(({**COLUMNS, "country": COUNTRIES}, classes(3)))})


@example("structured_data/tabtransformer")
def tabtransformer() -> Example:
    def build() -> keras.Model:
        inputs = columns()
        age, hours, country = looked_up(inputs, 8)
        context = layers.Flatten()(Transformer(8)(layers.Reshape((1, 8))(country)))
        numeric = layers.LayerNormalization(epsilon=1e-6)(layers.concatenate([age, hours]))
        x = layers.concatenate([context, numeric])
        for _ in range(2):
            x = layers.Dropout(0.2)(layers.Dense(8, "selu")(layers.BatchNormalization()(x)))
        model = keras.Model(inputs, layers.Dense(1, "sigmoid")(x))
        optimizer = keras.optimizers.AdamW(0.001, weight_decay=0.0001)
        model.compile(optimizer, keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.BinaryAccuracy()])
        return model

    # The batches have sample weights.
    weights = np.random.default_rng(0).uniform(0.5, 2, (72, 1)).astype("float32")
    rows = {**COLUMNS, "country": COUNTRIES}, classes(2, (72, 1)).astype("float32"), weights
    return Example(build, lambda: {"x": stream(rows)})


@example("structured_data/classification_with_grn_and_vsn")
def classification_with_grn_and_vsn() -> Example:
    class Gated(layers.Layer):
        def __init__(self, units: int):
            super().__init__()
            self.dense, self.drop = [layers.Dense(units, "elu"), layers.Dense(units)], layers.Dropout(0.1)
            self.linear, self.sigmoid = layers.Dense(units), layers.Dense(units, "sigmoid")
            self.project, self.norm = layers.Dense(units), layers.LayerNormalization()

        def call(self, inputs):
            x = self.drop(self.dense[1](self.dense[0](inputs)))
            return self.norm(self.project(inputs) + self.linear(x) * self.sigmoid(x))

    def build() -> keras.Model:
        inputs = {name: keras.Input((1,), name=name) for name in COLUMNS}
        encoded = [layers.Dense(6)(value) for value in inputs.values()]
        share = layers.Dense(2, "softmax")(Gated(6)(layers.concatenate(encoded)))
        stacked = ops.stack([Gated(6)(value) for value in encoded], axis=1)
        chosen = ops.squeeze(ops.matmul(ops.expand_dims(share, 1), stacked), axis=1)
        model = keras.Model(inputs, layers.Dense(1, "sigmoid")(chosen))
        optimizer = keras.optimizers.Adam(0.001)
        model.compile(optimizer, keras.losses.BinaryCrossentropy(), metrics=[keras.metrics.BinaryAccuracy()])
        return model

    weights = np.random.default_rng(0).uniform(0.5, 2, 72).astype("float32")
    return Example(build, lambda: {"x": stream((COLUMNS, classes(2).astype("float32"), weights))})


@example("structured_data/deep_neural_decision_forests")
def deep_neural_decision_forests() -> Example:
    class Tree(keras.Model):
        """Each leaf holds a distribution of classes; the way to it is a product of chances."""

        def __init__(self, depth: int, features: int, used: int, count: int, seed: int):
            super().__init__()
            self.depth, leaves = depth, 2**depth
            chosen = np.random.default_rng(seed).choice(features, used, replace=False)
            self.used_features_mask = np.eye(features, dtype="float32")[chosen]
            self.pi = self.add_weight(initializer="random_normal", shape=(leaves, count), trainable=True)
            self.decision = layers.Dense(leaves, "sigmoid")

        def call(self, features):
            features = ops.matmul(features, ops.transpose(self.used_features_mask))
            decisions = ops.expand_dims(self.decision(features), axis=2)
            decisions = layers.concatenate([decisions, 1 - decisions], axis=2)
            way, first = ops.ones((ops.shape(features)[0], 1, 1)), 1
            for level in range(self.depth):
                way = ops.reshape(way, (-1, 2**level, 1)) * decisions[:, first : 2 * first]
                first *= 2
            return ops.matmul(ops.reshape(way, (-1, 2**self.depth)), ops.softmax(self.pi))

    def build() -> keras.Model:
        inputs = keras.Input((6,))
        features = layers.BatchNormalization()(inputs)
        trees = [Tree(2, 6, 3, 2, seed) for seed in range(3)]
        outputs = layers.Average()([tree(features) for tree in trees])
        model = keras.Model(inputs, outputs)
        model.compile(keras.optimizers.Adam(0.01), keras.losses.SparseCategoricalCrossentropy())
        return model

    return Example(build, lambda: {"x": stream((numbers(72, 6), classes(2)))})


@example("structured_data/movielens_recommendations_transformers")
def movielens_recommendations_transformers() -> Example:
    def build() -> keras.Model:
        movies, ratings = keras.Input((5,), name="movies", dtype="int32"), keras.Input((5,), name="ratings")
        x = layers.Embedding(20, 8)(movies) + layers.Embedding(5, 8)(ops.arange(5))
        x = layers.Flatten()(Transformer(8)(x * ops.expand_dims(ratings, -1)))
        for _ in range(2):
            x = layers.Dropout(0.1)(layers.LeakyReLU()(layers.BatchNormalization()(layers.Dense(8)(x))))
        model = keras.Model({"movies": movies, "ratings": ratings}, layers.Dense(1)(x))
        optimizer = keras.optimizers.Adagrad(learning_rate=0.01)
        model.compile(optimizer, keras.losses.MeanSquaredError(), metrics=[keras.metrics.MeanAbsoluteError()])
        return model

    rows = {"movies": classes(20, (72, 5)), "ratings": np.random.default_rng(0).uniform(0, 1, (72, 5))}
    return Example(build, lambda: {"x": stream((rows, classes(5).astype("float32")))})


@example("timeseries/timeseries_classification_from_scratch")
def timeseries_classification_from_scratch() -> Example:
    def build() -> keras.Model:
        x = inputs = keras.Input((20, 1))
        for _ in range(3):
            x = layers.ReLU()(layers.BatchNormalization()(layers.Conv1D(8, 3, padding="same")(x)))
        model = keras.Model(inputs, layers.Dense(2, "softmax")(layers.GlobalAveragePooling1D()(x)))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["sparse_categorical_accuracy"])
        return model

    return Example(build, lambda: {"x": waves(20), "y": classes(2)}, fit={"validation_split": 0.2})


@example("timeseries/timeseries_classification_transformer")
def timeseries_classification_transformer() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((12, 1))
        attended = layers.Dropout(0.25)(layers.MultiHeadAttention(2, 4, dropout=0.25)(inputs, inputs))
        first = layers.LayerNormalization(epsilon=1e-6)(attended) + inputs
        x = layers.Conv1D(1, 1)(layers.Dropout(0.25)(layers.Conv1D(4, 1, activation="relu")(first)))
        x = layers.LayerNormalization(epsilon=1e-6)(x) + first
        x = layers.GlobalAveragePooling1D(data_format="channels_last")(x)
        x = layers.Dropout(0.4)(layers.Dense(8, "relu")(x))
        model = keras.Model(inputs, layers.Dense(2, "softmax")(x))
        model.compile(keras.optimizers.Adam(1e-4), "sparse_categorical_crossentropy")
        return model

    return Example(build, lambda: {"x": waves(12), "y": classes(2)})


@example("timeseries/timeseries_anomaly_detection")
def timeseries_anomaly_detection() -> Example:
    def build() -> keras.Model:
        settings = {"padding": "same", "strides": 2, "activation": "relu"}
        model = keras.Sequential(
            [
                layers.Input((16, 1)),
                layers.Conv1D(8, 7, **settings),
                layers.Dropout(0.2),
                layers.Conv1D(4, 7, **settings),
                layers.Conv1DTranspose(4, 7, **settings),
                layers.Dropout(0.2),
                layers.Conv1DTranspose(8, 7, **settings),
                layers.Conv1DTranspose(1, 7, padding="same"),
            ]
        )
        model.compile(keras.optimizers.Adam(0.001), "mse")
        return model

    return Example(build, lambda: {"x": waves(16), "y": waves(16)})


@example("timeseries/timeseries_weather_forecasting")
def timeseries_weather_forecasting() -> Example:
    def build() -> keras.Model:
        inputs = keras.Input((10, 3))
        model = keras.Model(inputs, layers.Dense(1)(layers.LSTM(8)(inputs)))
        model.compile(keras.optimizers.Adam(0.001), "mse")
        return model

    def data() -> dict:
        weather = waves(140, 3, rows=1)[0]
        # It shuffles windows of the series; a seed makes the order the same each time.
        return {
            "x": keras.utils.timeseries_dataset_from_array(
                weather, weather[20:, :1], sequence_length=10, sampling_rate=2, batch_size=8, shuffle=True, seed=3
            )
        }

    return Example(build, data)


@example("timeseries/timeseries_traffic_forecasting")
def timeseries_traffic_forecasting() -> Example:
    class LSTMGC(layers.Layer):
        """A convolution over the graph of the roads, then an LSTM over time."""

        def __init__(self, adjacency: np.ndarray, units: int):
            super().__init__()
            self.edges = np.argwhere(adjacency)
            self.weight, self.lstm = layers.Dense(4, use_bias=False), layers.LSTM(8, activation="relu")
            self.dense, self.units = layers.Dense(units), units

        def call(self, inputs):
            nodes = ops.transpose(inputs, (2, 0, 1, 3))
            arrived = tf.math.unsorted_segment_mean(
                tf.gather(nodes, self.edges[:, 1]), self.edges[:, 0], nodes.shape[0]
            )
            x = ops.relu(ops.concatenate([self.weight(nodes), self.weight(arrived)], axis=-1))
            count, rows = nodes.shape[0], ops.shape(inputs)[0]
            x = self.dense(self.lstm(ops.reshape(x, (-1, nodes.shape[2], 8))))
            return ops.transpose(ops.reshape(x, (count, rows, self.units)), (1, 2, 0))

    def build() -> keras.Model:
        roads = np.random.default_rng(0).uniform(size=(5, 5)) < 0.5
        inputs = keras.Input((6, 5, 1))
        model = keras.Model(inputs, LSTMGC(roads | np.eye(5, dtype=bool), 2)(inputs))
        optimizer = keras.optimizers.RMSprop(learning_rate=0.0002)
        model.compile(loss=keras.losses.MeanSquaredError(), optimizer=optimizer)
        return model

    speeds = waves(8, 5)
    return Example(build, lambda: {"x": stream((speeds[:, :6, :, None], speeds[:, 6:]))})
