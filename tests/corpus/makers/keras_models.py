"""Keras models as people save them: archives, HDF5, configurations alone, wrapped and nested layers, Lambda layers and custom objects."""
import os


def models(kr):
    """Models of many kinds, by name, each with the worst finding that may be made of it and why."""
    layers = kr.layers
    inputs = kr.Input((8,), name="features")
    hidden = layers.Dense(4, kernel_regularizer="l2", kernel_initializer=kr.initializers.HeNormal(seed=1))(inputs)
    hidden = layers.Add()([layers.BatchNormalization()(hidden), kr.ops.relu(hidden) * 2.0])
    functional = kr.Model(inputs, [layers.Dense(1, name="a")(hidden), layers.Dense(3, activation="softmax", name="b")(hidden)])
    schedule = kr.optimizers.schedules.ExponentialDecay(0.01, 100, 0.9)
    functional.compile(kr.optimizers.AdamW(schedule), {"a": kr.losses.Huber(), "b": "categorical_crossentropy"}, metrics={"b": [kr.metrics.AUC(), "accuracy"]})
    yield "functional", functional, "none", ""
    yield "recurrent", kr.Sequential([
        kr.Input((5,)), layers.Embedding(7, 3), layers.Bidirectional(layers.LSTM(2, return_sequences=True)), layers.TimeDistributed(layers.Dense(2)),
        layers.GRU(2), layers.Dense(1)]), "none", ""
    yield "convolutional", kr.Sequential([
        kr.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.Conv2D(2, 3, padding="same"), layers.LeakyReLU(), layers.MaxPooling2D(),
        layers.SeparableConv2D(2, 3), layers.GlobalAveragePooling2D(), layers.Dropout(0.5), layers.Dense(2)]), "none", ""
    sequence = kr.Input((4, 6))
    attended = layers.MultiHeadAttention(2, 3)(sequence, sequence)
    yield "transformer", kr.Model(sequence, layers.LayerNormalization()(layers.Add()([sequence, attended]))), "none", ""
    yield "nested", kr.Sequential([kr.Input((8,)), kr.Sequential([layers.Dense(8, activation=kr.activations.gelu), layers.PReLU()]), layers.Dense(1)]), "none", ""
    yield "lambda", kr.Sequential([kr.Input((3,)), layers.Lambda(lambda x: x * 2 + 1, output_shape=(3,)), layers.Dense(1)]), "medium", "a Lambda layer carries bytecode"

    @kr.saving.register_keras_serializable("churn")
    class Scale(layers.Layer):
        def call(self, x):
            return x * 2

    Scale.__module__ = "churn.layers"
    yield "custom-layer", kr.Sequential([kr.Input((3,)), Scale(), layers.Dense(1)]), "medium", "a layer of the user's own module"


def keras(corpus):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras as kr
    kr.utils.set_random_seed(7)
    for name, model, worst, reason in models(kr):
        corpus.save("keras", name + ".keras", model.save, "Model.save", worst, reason)
        corpus.save("keras", name + ".h5", model.save, "Model.save to HDF5", worst, reason)
        corpus.save("keras", name + ".json", model.to_json().encode(), "Model.to_json", worst, reason)
        if name in ("functional", "recurrent"):
            corpus.save("keras", name + ".weights.h5", model.save_weights, "Model.save_weights", worst, reason)


MAKERS = [("keras", keras)]
