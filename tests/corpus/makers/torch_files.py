"""Everything that `torch.save`, TorchScript, torch.fx, torch.package and a plain pickle make of PyTorch's own objects."""
import collections
import inspect
import io
import pickle

import torch
import torch.utils.data

FRAMEWORK = "pytorch"
OWN = "instances of classes of the user's project"
CARRIES_CODE = "holds Python source that runs when it is loaded"


def new_enough(version):
    return tuple(int(part) for part in torch.__version__.split("+")[0].split("a")[0].split(".")[:2]) >= version


def saved(corpus, name, value, worst="none", reason="", suffix="pt"):
    """`torch.save` as the version does by itself, and in the format before 1.6 where the version can still write it."""
    corpus.save(FRAMEWORK, "%s.%s" % (name, suffix), lambda path: torch.save(value, path), "torch.save", worst, reason)
    if new_enough((1, 4)):
        corpus.save(FRAMEWORK, name + ".other.pt", lambda path: torch.save(value, path, _use_new_zipfile_serialization=not new_enough((1, 6))),
                    "torch.save(_use_new_zipfile_serialization=%s)" % (not new_enough((1, 6))), worst, reason)


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten() if hasattr(torch.nn, "Flatten") else torch.nn.Dropout(),
                               torch.nn.Linear(2, 2))


def state_dicts(corpus):
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    optimizer.zero_grad()
    model(torch.ones(1, 1, 4, 4).repeat(2, 1, 1, 1)).sum().backward() if new_enough((1, 2)) else None
    optimizer.step()
    saved(corpus, "state-dict", model.state_dict(), suffix="bin")
    saved(corpus, "optimizer", optimizer.state_dict())
    checkpoint = {"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "loss": 0.25, "rng": torch.get_rng_state(),
                  "args": {"lr": 0.1, "name": "exec malware"}}
    saved(corpus, "checkpoint", checkpoint, suffix="pth")
    half = collections.OrderedDict((key, value.half()) for key, value in model.state_dict().items())
    saved(corpus, "half", half)


def tensors(corpus):
    base = torch.arange(6, dtype=torch.float32)
    values = {
        "dtypes": {str(kind): torch.ones(2).to(kind) for kind in
                   [getattr(torch, name) for name in ("float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool", "float8_e4m3fn", "float8_e5m2", "uint16", "uint32", "uint64") if hasattr(torch, name)]
                   if can_make(kind)},
        "views": {"base": base, "slice": base[1:3], "transposed": base.view(2, 3).t(), "scalar": torch.tensor(1.5), "empty": torch.zeros(0)},
        "parameters": [torch.nn.Parameter(torch.ones(2)), torch.ones(2, requires_grad=True)],
        "sparse": torch.sparse_coo_tensor(torch.tensor([[0, 1], [1, 0]]), torch.ones(2), (2, 2)),
        "size": [torch.Size([1, 2]), torch.float32, torch.device("cpu"), torch.strided],
    }
    if new_enough((1, 9)):
        values["complex"] = [torch.ones(2, dtype=torch.complex64), torch.conj(torch.ones(2, dtype=torch.complex64))]
        values["sparse-csr"] = torch.eye(3).to_sparse_csr()
        values["quantized"] = [torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
                               torch.quantize_per_channel(torch.ones(2, 2), torch.ones(2), torch.zeros(2), 0, torch.quint8)]
        values["meta"] = torch.empty(2, device="meta")
    if new_enough((2, 0)):
        values["nested"] = torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])
        values["untyped-storage"] = torch.UntypedStorage(8)
    values["storage"] = torch.FloatStorage(4)
    for name, value in sorted(values.items()):
        saved(corpus, name, value)


def can_make(kind):
    try:
        torch.ones(2).to(kind)
        return True
    except Exception:
        return False


def plain_pickles(corpus):
    for protocol in (2, pickle.HIGHEST_PROTOCOL):
        value = {"weights": torch.ones(2, 2), "model": torch.nn.Linear(2, 2)}
        corpus.save(FRAMEWORK, "plain.p%d.pkl" % protocol, lambda path, p=protocol: write_pickle(path, value, p), "pickle.dump(protocol=%d)" % protocol)
    for protocol in (3, 4):
        corpus.save(FRAMEWORK, "protocol-%d.pt" % protocol, lambda path, p=protocol: torch.save({"w": torch.ones(2)}, path, pickle_protocol=p), "torch.save(pickle_protocol=%d)" % protocol)
    generator = torch.Generator() if new_enough((2, 3)) else None
    if generator is not None:
        corpus.save(FRAMEWORK, "generator.pt", lambda path: torch.save(generator, path), "torch.save")


def write_pickle(path, value, protocol):
    with open(path, "wb") as file:
        pickle.dump(value, file, protocol=protocol)


# What the constructors need that have no defaults; any other class of torch.nn is made without arguments.
ARGUMENTS = {1: [(2,), ((2,),), (torch.nn.Linear(2, 2),), ([torch.nn.Linear(2, 2)],)], 2: [(2, 2), (2, (2, 2)), (0.1, 0.2), (torch.nn.Linear(2, 2), 1)], 3: [(2, 2, 1), (1, 2, 3), (2, 2, 2)]}


def module_of(cls):
    required = [p for p in inspect.signature(cls.__init__).parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD][1:]
    for arguments in ARGUMENTS.get(len(required), [()]):
        try:
            return cls(*arguments)
        except Exception:
            continue
    return None


def every_module(corpus):
    """All layers of torch.nn, eight a file, saved whole."""
    made = {}
    for name, cls in sorted(vars(torch.nn).items()):
        if inspect.isclass(cls) and issubclass(cls, torch.nn.Module) and cls is not torch.nn.Module and "Transformer" not in name:
            module = module_of(cls)
            if module is not None:
                made[name] = module
    made["ModuleList"], made["ModuleDict"] = torch.nn.ModuleList([torch.nn.ReLU()]), torch.nn.ModuleDict({"a": torch.nn.Tanh()})
    made["TransformerEncoderLayer"] = torch.nn.TransformerEncoderLayer(4, 2, 4) if hasattr(torch.nn, "TransformerEncoderLayer") else torch.nn.ReLU()
    names = [name for name in sorted(made) if can_save(made[name])]
    for start in range(0, len(names), 12):
        part = {name: made[name] for name in names[start:start + 12]}
        corpus.save(FRAMEWORK, "modules-%d.pt" % (start // 12 + 1), lambda path, v=part: torch.save(v, path), "torch.save of whole modules: " + ", ".join(sorted(part)))
    saved(corpus, "sequential", network())


def can_save(value):
    try:
        torch.save(value, io.BytesIO())
        return True
    except Exception:
        return False


def optimizers(corpus):
    parameters = [torch.nn.Parameter(torch.ones(2))]
    made = {}
    for name, cls in sorted(vars(torch.optim).items()):
        if inspect.isclass(cls) and issubclass(cls, torch.optim.Optimizer) and cls is not torch.optim.Optimizer:
            try:
                made[name] = cls(parameters, lr=0.1)
                made[name].param_groups[0]["params"][0].grad = torch.ones(2)
                made[name].step()
            except Exception:
                pass
    saved(corpus, "optimizer-states", {name: value.state_dict() for name, value in made.items() if can_save(value.state_dict())})
    saved(corpus, "optimizers", [made[name] for name in ("SGD", "Adam") if name in made and can_save(made[name])])
    schedulers = {"step": torch.optim.lr_scheduler.StepLR(made["SGD"], 2), "cosine": torch.optim.lr_scheduler.CosineAnnealingLR(made["SGD"], 5),
                  "plateau": torch.optim.lr_scheduler.ReduceLROnPlateau(made["SGD"])}
    saved(corpus, "scheduler-states", {name: value.state_dict() for name, value in schedulers.items() if can_save(value.state_dict())})
    saved(corpus, "datasets", torch.utils.data.TensorDataset(torch.ones(2), torch.ones(2)))


def special_modules(corpus):
    """Weight norm, pruning, parametrizations, quantization and hooks put more than tensors into a module."""
    from torch.nn.utils import weight_norm, spectral_norm
    makers = {
        "weight-norm": lambda: weight_norm(torch.nn.Linear(2, 2)),
        "spectral-norm": lambda: spectral_norm(torch.nn.Linear(2, 2)),
        "pruned": lambda: __import__("torch.nn.utils.prune", fromlist=["x"]).l1_unstructured(torch.nn.Linear(2, 2), "weight", 1),
        "quantized-dynamic": lambda: torch.quantization.quantize_dynamic(torch.nn.Sequential(torch.nn.Linear(2, 2)), {torch.nn.Linear}),
        "observers": lambda: torch.quantization.prepare(with_qconfig(torch.nn.Sequential(torch.nn.Linear(2, 2)))),
        "data-parallel": lambda: torch.nn.DataParallel(torch.nn.Linear(2, 2)),
        "distribution": lambda: torch.distributions.Normal(0.0, 1.0),
        "averaged": lambda: torch.optim.swa_utils.AveragedModel(torch.nn.Linear(2, 2)),
    }
    for name, maker in sorted(makers.items()):
        try:
            value = maker()
        except Exception as error:
            corpus.skip("%s %s" % (FRAMEWORK, name), error)
            continue
        corpus.save(FRAMEWORK, name + ".pt", lambda path: torch.save(value, path), "torch.save")


def with_qconfig(model):
    model.qconfig = torch.quantization.default_qconfig
    return model.eval()


def torchscript(corpus):
    class Scripted(torch.nn.Module):
        def __init__(self):
            super(Scripted, self).__init__()
            self.linear = torch.nn.Linear(2, 2)

        def forward(self, x):
            if bool(x.sum() > 0):
                x = x * 2
            return self.linear(x)

    traced = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    corpus.save(FRAMEWORK, "traced.ts.pt", lambda path: traced.save(path), "torch.jit.trace(...).save")
    if new_enough((1, 4)):
        try:
            scripted = torch.jit.script(Scripted())
        except Exception as error:  # needs the source of the class, in a form that the version's compiler knows
            corpus.skip("%s script" % FRAMEWORK, error)
            return
        corpus.save(FRAMEWORK, "scripted.ts.pt", lambda path: torch.jit.save(scripted, path), "torch.jit.save(torch.jit.script(...))")
        corpus.save(FRAMEWORK, "scripted-extra.ts.pt", lambda path: torch.jit.save(scripted, path, _extra_files={"labels.json": "{}"}), "torch.jit.save(_extra_files=...)")
        if hasattr(scripted, "_save_for_lite_interpreter"):
            corpus.save(FRAMEWORK, "mobile.ptl", scripted._save_for_lite_interpreter, "_save_for_lite_interpreter")
        if hasattr(torch.jit, "freeze"):
            corpus.save(FRAMEWORK, "frozen.ts.pt", lambda path: torch.jit.save(torch.jit.freeze(scripted.eval()), path), "torch.jit.save(torch.jit.freeze(...))")


def code_carriers(corpus):
    if new_enough((1, 10)):
        graph = torch.fx.symbolic_trace(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU()))
        saved(corpus, "fx-graph-module", graph, "medium", CARRIES_CODE)
    if new_enough((1, 9)):
        def write(path):
            with torch.package.PackageExporter(path) as exporter:
                exporter.extern("**")
                exporter.save_pickle("model", "model.pkl", torch.nn.Linear(2, 2))
                exporter.save_source_string("helper", "def double(x):\n    return 2 * x\n")

        corpus.save(FRAMEWORK, "package.pt", write, "torch.package", "medium", "holds Python source beside the pickle")
    if new_enough((2, 5)):
        program = torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),))
        corpus.save(FRAMEWORK, "exported.pt2", lambda path: torch.export.save(program, path), "torch.export.save")


def own_classes(corpus):
    from churn.network import Dose, Network
    saved(corpus, "own-network", Network(), "medium", OWN)
    saved(corpus, "own-network-in-checkpoint", {"model": Network(), "epoch": 1}, "medium", OWN)
    if new_enough((1, 9)):
        saved(corpus, "own-tensor", torch.ones(2).as_subclass(Dose), "medium", OWN)


def numpy_inside(corpus):
    import numpy as np
    saved(corpus, "numpy-inside", {"mean": np.float64(0.5), "labels": np.array(["a", "b"]), "classes": np.arange(3), "state": np.random.get_state()})


def torchvision_models(corpus):
    import torchvision
    import torchvision.models
    small = {"resnet18": {}, "mobilenet_v2": {}, "squeezenet1_1": {}}
    for name in small:
        model = getattr(torchvision.models, name, None)
        if model is None:
            continue
        model = shrink(model())
        corpus.save("torchvision", name + "-state.pth", lambda path: torch.save(model.state_dict(), path), "torch.save(model.state_dict()), weights cut to one item each")
        corpus.save("torchvision", name + "-whole.pth", lambda path: torch.save(model, path), "torch.save(model), weights cut to one item each")
    transforms = torchvision.transforms
    pipeline = transforms.Compose([transforms.Resize(8), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])])
    corpus.save("torchvision", "transforms.pt", lambda path: torch.save(pipeline, path), "torch.save")


def shrink(model):
    """Keeps the structure and drops the weights: one item of each tensor."""
    for module in model.modules():
        for store in (module._parameters, module._buffers):
            for name, value in store.items():
                if value is not None:
                    small = value.detach().reshape(-1)[:1].clone()
                    store[name] = torch.nn.Parameter(small) if store is module._parameters else small
    return model


MAKERS = [(FRAMEWORK, maker) for maker in (state_dicts, tensors, plain_pickles, every_module, optimizers, special_modules, torchscript, code_carriers, own_classes, numpy_inside)]
MAKERS += [("torchvision", torchvision_models)]
