"""What is built on PyTorch: transformers, tokenizers, sentence-transformers, ultralytics, fastai, skorch, Lightning, Keras."""
import os
import pickle
import shutil
import tempfile

from makers.standard_library import pickle_each

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "honest", "model", "exec"]


def in_folder(function):
    """Runs `function` with a temporary folder that is gone afterwards."""
    folder = tempfile.mkdtemp()
    try:
        return function(folder)
    finally:
        shutil.rmtree(folder)


def copied(corpus, framework, name, source, saved, worst="none", reason=""):
    corpus.save(framework, name, lambda path: shutil.copy(source, path), saved, worst, reason)


def transformers(corpus):
    import torch
    import transformers as tf
    config = tf.BertConfig(vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, max_position_embeddings=8)
    model = tf.BertModel(config)
    torch.manual_seed(7)
    pickle_each(corpus, "transformers", "config", config, protocols=[None])
    corpus.save("transformers", "bert-state.bin", lambda path: torch.save(model.state_dict(), path), "torch.save(model.state_dict())")
    corpus.save("transformers", "bert-whole.pt", lambda path: torch.save(model, path), "torch.save(model)")
    small = {"n_embd": 4, "n_layer": 1, "n_head": 1, "vocab_size": 8, "n_positions": 8}
    corpus.save("transformers", "gpt2-whole.pt", lambda path: torch.save(tf.GPT2LMHeadModel(tf.GPT2Config(**small)), path), "torch.save(model)")
    output = model(torch.ones(1, 2, dtype=torch.long))
    corpus.save("transformers", "model-output.pt", lambda path: torch.save(output, path), "torch.save of a model's output")
    in_folder(lambda folder: copied(corpus, "transformers", "model.safetensors", saved_in(model, folder, "model.safetensors"), "save_pretrained")) if tf.__version__[0] > "4" else None
    corpus.save("transformers", "training_args.bin", lambda path: torch.save(training_arguments(tf), path),
                "torch.save of TrainingArguments, as Trainer does", "none")


def training_arguments(tf):
    try:
        return tf.TrainingArguments(output_dir="out", use_cpu=True, report_to=[])
    except TypeError:  # before 4.34
        return tf.TrainingArguments(output_dir="out", no_cuda=True, report_to=[])


def saved_in(model, folder, name):
    model.save_pretrained(folder)
    return os.path.join(folder, name)


def tokenizers(corpus):
    import tokenizers as tk
    from tokenizers import models, normalizers, pre_tokenizers
    import transformers as tf
    tokenizer = tk.Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.normalizer = normalizers.Lowercase()
    pickle_each(corpus, "tokenizers", "tokenizer", tokenizer, protocols=[None])
    pickle_each(corpus, "tokenizers", "parts", [tokenizer.pre_tokenizer, tokenizer.normalizer, tk.AddedToken("x"), tokenizer.encode("honest model")], protocols=[None])
    corpus.save("tokenizers", "tokenizer.json", lambda path: tokenizer.save(path), "Tokenizer.save")
    fast = tf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
    pickle_each(corpus, "transformers", "fast-tokenizer", fast, protocols=[None])
    pickle_each(corpus, "transformers", "batch-encoding", fast(["honest model"]), protocols=[None])


def sentence_transformers(corpus):
    import torch
    import sentence_transformers as st
    from sentence_transformers.sentence_transformer import modules
    dense = modules.Dense(4, 2)
    corpus.save("sentence-transformers", "dense.bin", lambda path: torch.save(dense.state_dict(), path), "torch.save(Dense.state_dict()), as save does")
    corpus.save("sentence-transformers", "pooling.pt", lambda path: torch.save(modules.Pooling(4), path), "torch.save")
    normalize = st.SentenceTransformer(modules=[modules.BoW(["honest", "model"]), modules.Normalize()], device="cpu")
    corpus.save("sentence-transformers", "whole.pt", lambda path: torch.save(normalize, path), "torch.save of a SentenceTransformer")


def ultralytics(corpus):
    import torch
    import ultralytics as ul
    from ultralytics.nn.tasks import ClassificationModel, DetectionModel, SegmentationModel
    from makers.torch_files import shrink
    from copy import deepcopy
    makers = {"yolov8n": lambda: DetectionModel("yolov8n.yaml", verbose=False), "yolo11n": lambda: DetectionModel("yolo11n.yaml", verbose=False),
              "yolov8n-cls": lambda: ClassificationModel("yolov8n-cls.yaml", verbose=False), "yolov8n-seg": lambda: SegmentationModel("yolov8n-seg.yaml", verbose=False)}
    for name, maker in sorted(makers.items()):
        try:
            model = shrink(maker())
        except Exception as error:
            corpus.skip("ultralytics " + name, error)
            continue
        model.args = {"imgsz": 32, "task": "detect", "single_cls": False}
        checkpoint = {"epoch": -1, "best_fitness": None, "model": deepcopy(model).half(), "ema": None, "updates": None, "optimizer": None,
                      "train_args": dict(model.args), "date": "2024-02-29", "version": ul.__version__}
        corpus.save("ultralytics", name + ".pt", lambda path: torch.save(checkpoint, path), "torch.save of a trainer's checkpoint, weights cut to one item each")


def fastai(corpus):
    import numpy as np
    import pandas as pd
    from fastai.tabular.all import Categorify, FillMissing, Normalize, TabularDataLoaders, tabular_learner
    frame = pd.DataFrame({"plan": ["free", "paid"] * 8, "age": np.arange(16.0), "y": [0, 1] * 8})

    def export(folder):
        loaders = TabularDataLoaders.from_df(frame, path=folder, y_names="y", cat_names=["plan"], cont_names=["age"], procs=[Categorify, FillMissing, Normalize], bs=4, num_workers=0)
        learner = tabular_learner(loaders, layers=[4])
        learner.export("export.pkl")
        copied(corpus, "fastai", "export.pkl", os.path.join(folder, "export.pkl"), "Learner.export", "medium", "bound methods are rebuilt as cloudpickle rebuilds them")
        learner.model_dir = folder
        learner.save("learner")
        copied(corpus, "fastai", "learner.pth", os.path.join(folder, "learner.pth"), "Learner.save")

    in_folder(export)


def skorch(corpus):
    import numpy as np
    import torch
    import skorch as sk
    from churn.network import Network
    features, classes = np.ones((8, 3), "f4"), np.arange(8) % 2
    net = sk.NeuralNetClassifier(Network, max_epochs=1, verbose=0, criterion=torch.nn.CrossEntropyLoss, train_split=None).fit(features, classes)
    pickle_each(corpus, "skorch", "classifier", net, "medium", "instances of classes of the user's project", protocols=[None])
    corpus.save("skorch", "params.pt", lambda path: net.save_params(f_params=path), "NeuralNet.save_params")
    corpus.save("skorch", "optimizer.pt", lambda path: net.save_params(f_optimizer=path), "NeuralNet.save_params(f_optimizer=...)")


def pytorch_lightning(corpus):
    import pytorch_lightning as pl
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Small(pl.LightningModule):
        def __init__(self, hidden=2):
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(2, hidden)

        def training_step(self, batch, index):
            return self.layer(batch[0]).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    def train(folder):
        trainer = pl.Trainer(max_epochs=1, accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False, default_root_dir=folder,
                             callbacks=[pl.callbacks.ModelCheckpoint(dirpath=folder, filename="best")])
        trainer.fit(Small(), DataLoader(TensorDataset(torch.ones(4, 2)), batch_size=2))
        copied(corpus, "pytorch-lightning", "best.ckpt", os.path.join(folder, "best.ckpt"), "ModelCheckpoint")

    in_folder(train)


def keras(corpus):
    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras as kr
    model = kr.Sequential([kr.Input((3,)), kr.layers.Dense(2, activation="relu"), kr.layers.Dropout(0.1), kr.layers.Dense(1)])
    model.compile("adam", "mse")
    corpus.save("keras", "model.keras", model.save, "Model.save")
    corpus.save("keras", "model.h5", model.save, "Model.save to HDF5")
    corpus.save("keras", "model.weights.h5", model.save_weights, "Model.save_weights")
    corpus.save("keras", "model.pkl", pickle.dumps(model), "pickle.dump of a keras model")
    corpus.save("keras", "layer.pkl", lambda path: write(path, pickle.dumps(kr.layers.Dense(2))), "pickle.dump of a keras layer")
    corpus.save("keras", "optimizer-config.pkl", pickle.dumps(kr.optimizers.Adam().get_config()), "pickle.dump of a config")


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def peft(corpus):
    import torch
    import peft as pf
    import transformers as tf
    config = pf.LoraConfig(r=1, target_modules=["query"])
    corpus.save("peft", "lora-config.pt", lambda path: torch.save(config, path), "torch.save")
    base = tf.BertModel(tf.BertConfig(vocab_size=8, hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4, max_position_embeddings=8))
    adapted = pf.get_peft_model(base, config)
    corpus.save("peft", "adapter_model.bin", lambda path: torch.save(pf.get_peft_model_state_dict(adapted), path), "torch.save(get_peft_model_state_dict(...))")


MAKERS = [("transformers", transformers), ("tokenizers", tokenizers), ("sentence-transformers", sentence_transformers), ("ultralytics", ultralytics), ("fastai", fastai),
          ("skorch", skorch), ("pytorch-lightning", pytorch_lightning), ("keras", keras), ("peft", peft)]
