#!/usr/bin/env python3
"""Lists the classes of model frameworks that are safe to construct and fill, from the frameworks' own wheels.

    make_safe_lists.py WHEEL_FOLDER RULES_FOLDER [PACKAGE ...]

Nothing is imported or run: the sources inside the wheels are parsed. A class is listed when nothing that a pickle can make it run while it is
constructed without __init__ and filled (NEWOBJ, BUILD, APPENDS, SETITEMS, ADDITEMS, use as a key, death) opens, loads, evaluates, imports,
deletes or starts anything, itself, in its bases, or in the functions of the same package that it calls. What is rejected is printed, for a
person to read. Several wheels of one package are read as several versions: their lists are joined. What is listed by hand, as safe or as
dangerous, is left out. The lists are written to RULES_FOLDER/safe/*_classes.toml.
"""

import ast
import collections
import functools
import pathlib
import re
import sys
import tomllib
import zipfile

# What runs while a pickle constructs and fills an object.
RUNS_AT_LOAD = {
    "__new__", "__setstate__", "__setstate_cython__", "__setattr__", "__getattr__", "__getattribute__", "__del__", "__hash__", "__eq__", "__bool__", "__len__",
    "append", "extend", "__setitem__", "add", "update", "__missing__", "_missing_", "__instancecheck__",
    # list(x), str(x), float(x), ... are calls of inert types, which a pickle may make with any object
    "__iter__", "__next__", "__reversed__", "__getitem__", "keys", "__str__", "__repr__", "__bytes__", "__int__", "__float__", "__index__", "__complex__", "__lt__",
}
# Calls by these names make a class unfit.
RISKY = set("""
    open eval exec execfile compile __import__ import_module importlib_import system popen Popen run call check_call check_output spawn getoutput
    load loads load_module load_library load_state_dict_from_url load_url load_model load_weights load_from_file load_iris unpickle read_pickle
    download urlopen urlretrieve hf_hub_download snapshot_download from_pretrained get_file cached_file cached_path
    makedirs mkdir remove unlink rmtree rmdir rename replace_file symlink write_text write_bytes touch chmod savetxt tofile fromfile memmap
    Thread Process Pool start_new_thread fork kill listen sendall urlencode
    parse_expr sympify lambdify literal_eval get_type_hints resolve_name locate find_class Unpickler import_string from_file to_file NamedTemporaryFile mkdtemp mkstemp
    TemporaryDirectory CDLL cdll dlopen script compile_command FunctionType CodeType getsource save save_model
""".split())
# Modules of tests; functions that reach into what they are given, write, or change the program are not even to be named.
LEAVE_EVERYWHERE = re.compile(r"_test(\.|$)|(^|\.)(tests?|conftest|remote_monitor|hub|hf)(\.|$)")
LEAVE_FUNCTIONS = re.compile(
    r"^__|attr|callable|call$|partial|save|load|file|register|plot|show|display|appl(y|ies)|maps?$|mapt|import|logg(er|ing)$|install|lru|decorator|deprecat|dispatch|json|path$"
)
LEAVE_CLASSES = re.compile(r"Lazy(Auto|Model|Module$)|TempFile|FromDisk|ListDir|Downloaded|Presigned|RemoteMonitor|(Mlflow|Neptune|Sacred|Wandb)Logger|HubStorage|ArtifactCache|^nn\.|^L\.|FileInfo|MCPServer")
# Bases from outside the wheels that add nothing of their own.
PLAIN_BASES = set("""
    object ABC abc.ABC Generic typing.Generic Protocol typing.Protocol typing_extensions.Protocol Enum enum.Enum IntEnum enum.IntEnum IntFlag enum.IntFlag Flag enum.Flag StrEnum enum.StrEnum
    str int float bytes tuple list dict set frozenset type Exception BaseException ValueError TypeError RuntimeError KeyError AttributeError NotImplementedError ImportError
    UserWarning Warning RuntimeWarning FutureWarning DeprecationWarning OSError IOError LookupError IndexError AssertionError NameError
    collections.OrderedDict collections.UserDict collections.UserList collections.Counter collections.deque
    collections.abc.Mapping collections.abc.MutableMapping collections.abc.Sequence collections.abc.MutableSequence collections.abc.Iterable collections.abc.Iterator collections.abc.Callable
    collections.abc.Sized collections.abc.Container collections.abc.Hashable collections.abc.Set collections.abc.MutableSet collections.abc.Collection collections.abc.Generator
    collections.Mapping collections.MutableMapping collections.Sequence collections.MutableSequence collections.Iterable collections.Callable
    typing.NamedTuple typing.TypedDict typing_extensions.TypedDict typing.Mapping typing.Dict typing.List typing.Sequence typing.Iterator typing.Iterable typing.Callable typing.Tuple typing.MutableMapping
    dict typing.OrderedDict property pprint.PrettyPrinter numpy.ndarray numpy.ma.MaskedArray threading.local logging.Filter logging.Formatter json.JSONEncoder
""".split())
PLAIN_PREFIXES = ("torch._C", "tokenizers.", "keras.src.backend", "tensorflow.", "tf.", "cymem.", "jax.", "catboost.", "_catboost", "torch.futures", "pandas._libs", "spacy.pipeline.pipe", "spacy.pipeline.trainable_pipe")

# package directory in the wheel -> what of it to read: (modules to take, modules to leave, take functions as references from)
LEAVE = r"(^|\.)(tests?|testing|conftest|benchmarks?|cli|commands|scripts?|setup|_build_utils|externals|_?vendor(ed)?|_inductor|_dynamo|_export|_functorch|fx|onnx|package|distributed|_C|ao|quantization|testing|cpp_extension|hub|bottleneck|tensorboard|backends|jit|_lazy|_prims|_refs|_decomp|multiprocessing|monitor|profiler|xpu|mps|export|contrib|datasets?|download|launcher|deprecated_|__main__)(\.|$)"
RECIPES = {
    "sklearn": (r"^sklearn\.", LEAVE, r"^sklearn\.(metrics|feature_selection|preprocessing|feature_extraction\.text|gaussian_process|covariance|cluster|model_selection|utils\.extmath)"),
    "torch": (r"^torch\.(nn|optim|distributions|ao\.nn|ao\.quantization\.(observer|fake_quantize|qconfig|stubs)|quantization\.(observer|fake_quantize|QConfig|qconfig|stubs)|utils\.data\.(sampler|dataset|_utils\.collate)|nn\.quantized|nn\.intrinsic|nn\.qat|amp|cuda\.amp|sparse|storage|_tensor$|types$)", r"(^|\.)(tests?|testing|onnx|distributed|_experimental|data_parallel_|__main__|benchmark)(\.|$)", r"^torch\.(nn\.(functional|init)|utils\.data\._utils\.collate|nn\.modules\.activation)"),
    "torchvision": (r"^torchvision\.(models|ops|transforms)", LEAVE.replace("|quantization", ""), r"^torchvision\.transforms\.(functional|v2\.functional)"),
    "torchaudio": (r"^torchaudio\.(models|transforms)", LEAVE, None),
    "torchtext": (r"^torchtext\.(models|vocab|transforms|nn|data)", r"(^|\.)(tests?|datasets)(\.|$)", None),
    "torchmetrics": (r"^torchmetrics\.", LEAVE, None),
    "torch_geometric": (r"^torch_geometric\.(nn|data|transforms)", LEAVE, None),
    "xgboost": (r"^xgboost\.(core|sklearn|callback|_data_utils)", LEAVE, None),
    "lightgbm": (r"^lightgbm\.(basic|sklearn|callback|compat)", LEAVE, None),
    "statsmodels": (r"^statsmodels\.", LEAVE + r"|\.(sandbox|x13|iolib)\.", None),
    "imblearn": (r"^imblearn\.", LEAVE, r"^imblearn\.metrics"),
    "category_encoders": (r"^category_encoders\.", LEAVE, None),
    "skorch": (r"^skorch\.", LEAVE, None),
    "ultralytics": (r"^ultralytics\.(nn|yolo\.utils|utils\.(loss|tal|plotting|ops|metrics|__init__)|models|engine\.results|cfg|utils$|yolo)", r"(^|\.)(tests?|hub|export|exporter|autobackend|train|trainer|val|validator|predict|predictor|model|solutions|trackers|benchmarks|triton|autobatch|downloads|tuner|server|assets)(\.|$)", None),
    "fastai": (r"^fastai\.", LEAVE.replace("|hub", ""), r"^fastai\.(metrics|layers|losses|data\.transforms|vision\.(core|augment|data)|torch_core|callback\.schedule|optimizer|text\.(core|data)|tabular\.(core|data))"),
    "fastcore": (r"^fastcore\.(basics|foundation|transform|dispatch|meta|imports)", LEAVE, r"^fastcore\.basics"),
    "keras": (r"^keras\.src\.(layers|models|optimizers|losses|metrics|regularizers|initializers|constraints|dtype_policies|callbacks)", LEAVE, None),
    "gensim": (r"^gensim\.(models|corpora|similarities|utils|matutils|interfaces|topic_coherence|parsing)", LEAVE, None),
    "spacy": (r"^spacy\.", LEAVE + r"|\.(training|displacy)\.", None),
    "thinc": (r"^thinc\.(model|layers|optimizers|initializers|config|shims|types|schedules)", LEAVE, None),
    "mlflow": (r"^mlflow\.(types|models\.(signature|model|resources)|pyfunc|sklearn|entities)", LEAVE, None),
    "transformers": (r"^transformers\.(models|modeling_outputs|modeling_utils|modeling_layers|modeling_attn_mask_utils|configuration_utils|generation|training_args|training_args_seq2seq|tokenization_utils|tokenization_utils_base|tokenization_utils_fast|trainer_utils|trainer_pt_utils|activations|pytorch_utils|debug_utils|integrations\.deepspeed|feature_extraction|image_processing|processing_utils|data\.data_collator|utils\.generic|cache_utils|optimization|modeling_rope_utils|image_utils|utils\.quantization_config|file_utils|masking_utils|tokenization_utils_tokenizers|trainer_callback|loss)", r"(^|\.)(tests?|convert_\w+|\w*_flax_\w+|modeling_tf_\w+|cli|commands|hub)(\.|$)", r"^transformers\.(data\.data_collator|activations|pytorch_utils|loss\.)"),
    "sentence_transformers": (r"^sentence_transformers\.", r"(^|\.)(tests?|datasets|evaluation|readers|backend|training_args_|hub|cli)(\.|$)", r"^sentence_transformers\.(util|losses)"),
    "timm": (r"^timm\.(models|layers|optim|scheduler|loss|data\.(transforms|mixup|random_erasing|auto_augment))", r"(^|\.)(tests?|_hub|hub|_builder|_factory|_registry|helpers|_helpers)(\.|$)", None),
    "pytorch_lightning": (r"^pytorch_lightning\.(core|utilities\.(parsing|types)|callbacks|trainer\.states)", LEAVE, None),
    "lightning": (r"^lightning\.(pytorch|fabric)\.(core|utilities\.(parsing|types|data)|callbacks|trainer\.states|wrappers)", LEAVE, None),
    "accelerate": (r"^accelerate\.(utils\.(dataclasses|other|operations)|optimizer|scheduler|data_loader|hooks)", LEAVE, None),
    "peft": (r"^peft\.(config|tuners|peft_model|utils\.peft_types|mapping|mixed_model)", LEAVE, None),
    "flair": (r"^flair\.(data|nn|models|embeddings|optim|training_utils|tokenization|class_utils)", r"(^|\.)(tests?|datasets)(\.|$)", None),
    "sklearn_crfsuite": (r"^sklearn_crfsuite\.", LEAVE, None),
    "lifelines": (r"^lifelines\.", LEAVE, None),
    "pmdarima": (r"^pmdarima\.", LEAVE, None),
    "hmmlearn": (r"^hmmlearn\.", LEAVE, None),
    "umap": (r"^umap\.", LEAVE, r"^umap\.distances"),
    "pynndescent": (r"^pynndescent\.", LEAVE, r"^pynndescent\.distances"),
    "hdbscan": (r"^hdbscan\.", LEAVE, None),
    "pyod": (r"^pyod\.", LEAVE, None),
    "ngboost": (r"^ngboost\.", LEAVE, None),
    "interpret": (r"^interpret\.glassbox", LEAVE, None),
    "prophet": (r"^prophet\.", LEAVE, None),
    "econml": (r"^econml\.", LEAVE, None),
    "pygam": (r"^pygam\.", LEAVE, None),
    "mlxtend": (r"^mlxtend\.", LEAVE.replace("|datasets?", "|data|file_io"), None),
    "feature_engine": (r"^feature_engine\.", LEAVE, None),
    "optbinning": (r"^optbinning\.", LEAVE, None),
    "implicit": (r"^implicit\.", LEAVE, None),
    "skopt": (r"^skopt\.", LEAVE, None),
    "sktime": (r"^sktime\.", LEAVE, None),
    "tslearn": (r"^tslearn\.", LEAVE, None),
    "dask_ml": (r"^dask_ml\.", LEAVE, None),
    "stable_baselines3": (r"^stable_baselines3\.(common\.(policies|torch_layers|distributions|buffers|noise|type_aliases|utils|preprocessing|running_mean_std|vec_env)|ppo|a2c|dqn|ddpg|sac|td3)", LEAVE, None),
    "gymnasium": (r"^gymnasium\.spaces", LEAVE, None),
    "nltk": (r"^nltk\.(stem|tokenize|probability|util|lm|tag|classify|collocations|metrics|tree|grammar|chunk|internals|corpus\.reader\.api)", r"(^|\.)(tests?|app|downloader|senna|stanford\w*|megam|weka|corenlp|mallet|tadm|hunpos|snowball_)(\.|$)", None),
    "segmentation_models_pytorch": (r"^segmentation_models_pytorch\.", r"(^|\.)(tests?|datasets|hub_mixin)(\.|$)", None),
    "efficientnet_pytorch": (r"^efficientnet_pytorch\.", LEAVE, None),
    "facenet_pytorch": (r"^facenet_pytorch\.", LEAVE, None),
    "networkx": (r"^networkx\.classes\.(graph|digraph|multigraph|multidigraph|ordered|reportviews|coreviews)", LEAVE, None),
    "easydict": (r"^easydict", LEAVE, None),
    "addict": (r"^addict", LEAVE, None),
    "keras_preprocessing": (r"^keras_preprocessing\.(text|sequence|image)", LEAVE, None),
    "mmengine": (r"^mmengine\.(logging|optim|structures|model)", LEAVE, None),
    "river": (r"^river\.", LEAVE + r"|\.(stream|api)\.", None),
    "pandas": (r"^pandas\.(core|tseries|_libs)", LEAVE + r"|^pandas\.core\.computation|^pandas\.io", None),
}


class Module:
    """The classes, functions and imports of one source file."""

    def __init__(self, name, tree, is_package):
        self.name, self.classes, self.functions, self.imports, self.stars = name, {}, {}, {}, []
        package = name.split(".") if is_package else name.split(".")[:-1]
        self._read(tree.body, "", package)

    def _read(self, body, prefix, package):
        for node in body:
            if isinstance(node, ast.ClassDef):
                self.classes[prefix + node.name] = node
                self._read([n for n in node.body if isinstance(n, ast.ClassDef)], prefix + node.name + ".", package)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not prefix:
                self.functions[node.name] = node
            elif isinstance(node, ast.ImportFrom):
                base = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join(base + (node.module.split(".") if node.module else []))
                for alias in node.names:
                    if alias.name == "*":
                        self.stars.append(source)
                    else:
                        self.imports[alias.asname or alias.name] = f"{source}.{alias.name}"
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[alias.asname or alias.name.split(".")[0]] = alias.name if alias.asname else alias.name.split(".")[0]
            elif isinstance(node, (ast.If, ast.Try)):
                for part in (node.body, node.orelse, getattr(node, "finalbody", []), *[h.body for h in getattr(node, "handlers", [])]):
                    self._read(part, prefix, package)


def read_wheel(path):
    modules = {}
    with zipfile.ZipFile(path) as wheel:
        for member in wheel.namelist():
            if not member.endswith(".py") or ".data/" in member or ".dist-info/" in member:
                continue
            parts = member[:-3].split("/")
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            if not all(part.isidentifier() for part in name.split(".")):
                continue
            try:
                tree = ast.parse(wheel.read(member))
            except (SyntaxError, ValueError):
                continue
            modules[name] = Module(name, tree, is_package)
    return modules


class Pool:
    """The sources of one version of a package, with the newest of all others behind it."""

    def __init__(self, own, others):
        self.own, self.others, self.verdicts = own, others, {}

    def module(self, name):
        return self.own.get(name) or self.others.get(name)

    def find(self, dotted, depth=0):
        """(module, name) of the class or function that a dotted name means, or None."""
        if depth > 8:
            return None
        head, _, tail = dotted.rpartition(".")
        while head:
            module = self.module(head)
            if module:
                if tail in module.classes or tail in module.functions:
                    return module, tail
                first, _, rest = tail.partition(".")
                if first in module.imports:
                    return self.find(module.imports[first] + ("." + rest if rest else ""), depth + 1)
                for star in module.stars:
                    found = self.find(f"{star}.{tail}", depth + 1)
                    if found:
                        return found
                return None
            head, _, part = head.rpartition(".")
            tail = f"{part}.{tail}"
        return None

    def dotted(self, module, node):
        """The full dotted name that an expression in a module means, as far as imports tell."""
        if isinstance(node, ast.Subscript):
            return self.dotted(module, node.value)
        if isinstance(node, ast.Attribute):
            base = self.dotted(module, node.value)
            return base and f"{base}.{node.attr}"
        if isinstance(node, ast.Name):
            if node.id in module.classes or node.id in module.functions:
                return f"{module.name}.{node.id}"
            if node.id in module.imports:
                return module.imports[node.id]
            return self.starred(module, node.id) or node.id
        return None

    def starred(self, module, name, depth=0):
        """What a name that came with `from x import *` means."""
        for star in module.stars if depth < 6 else ():
            source = self.module(star)
            if source and (name in source.classes or name in source.functions):
                return f"{star}.{name}"
            if source and name in source.imports:
                return source.imports[name]
            deeper = source and self.starred(source, name, depth + 1)
            if deeper:
                return deeper
        return None

    def bases(self, module, node):
        for base in node.bases:
            if isinstance(base, ast.Call):  # with_metaclass(Meta, Base), namedtuple("X", ...)
                called = (self.dotted(module, base.func) or "").split(".")[-1]
                if called == "with_metaclass":
                    yield from (self.dotted(module, a) for a in base.args[1:])
                elif called not in ("namedtuple", "NamedTuple"):
                    yield f"<{called}()>"
            else:
                yield self.dotted(module, base)

    def unfit(self, module, name, trail=()):
        """Why a class must not be constructed and filled, or None."""
        key = f"{module.name}.{name}"
        if key in trail:
            return None
        if key not in self.verdicts:
            self.verdicts[key] = self._unfit(module, name, trail + (key,))
        return self.verdicts[key]

    def _unfit(self, module, name, trail):
        node = module.classes[name]
        for base in self.bases(module, node):
            if base is None:
                return "base is an expression"
            if base in PLAIN_BASES or base.split(".")[-1] in PLAIN_BASES or base.startswith(PLAIN_PREFIXES):
                continue
            found = self.find(base)
            if not found or found[1] not in found[0].classes:
                return f"base {base} is not known"
            why = self.unfit(*found, trail)
            if why:
                return f"base {base}: {why}"
        methods = {f.name: f for f in node.body if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))}
        has_setters = not self.has_setstate(module, name)
        for function in node.body:
            if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)) and runs_at_load(function, has_setters):
                why = self.risky(module, function, methods, set())
                if why:
                    return f"{function.name} calls {why}"
        return None

    def has_setstate(self, module, name, depth=0):
        """Whether BUILD calls __setstate__; if so it sets no attribute by itself, and setters of properties do not run."""
        node = module.classes[name]
        if any(isinstance(f, ast.FunctionDef) and f.name == "__setstate__" for f in node.body):
            return True
        found = (self.find(base) for base in self.bases(module, node) if base) if depth < 12 else ()
        return any(f and f[1] in f[0].classes and self.has_setstate(*f, depth + 1) for f in found)

    def risky(self, module, function, methods, seen, depth=0):
        """A call inside a function, or inside what it calls nearby, that a constructor of data has no need of."""
        if function.name in seen or depth > 5:
            return None
        seen.add(function.name)
        for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
            target = call.func
            last = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
            if last in RISKY:
                return last
            inner = methods.get(last) if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id in ("self", "cls") else None
            where = module
            if inner is None and isinstance(target, ast.Name):
                found = self.find(self.dotted(module, target) or "")
                if found and found[1] in found[0].functions:
                    where, inner = found[0], found[0].functions[found[1]]
            if inner is not None:
                why = self.risky(where, inner, methods, seen, depth + 1)
                if why:
                    return f"{last} > {why}"
        return None


def runs_at_load(function, has_setters):
    if function.name in RUNS_AT_LOAD:
        return True
    return has_setters and any(isinstance(d, ast.Attribute) and d.attr in ("setter", "deleter") for d in function.decorator_list)


def is_called(pool, module, name, depth=0):
    """Enumerations reduce to a call with their value, outputs of transformers to a call with their fields."""
    for base in pool.bases(module, module.classes[name]):
        if base and re.search(r"(^|\.)(Enum|IntEnum|StrEnum|Flag|IntFlag|ExplicitEnum|ModelOutput)$", base):
            return True
        found = base and depth < 6 and pool.find(base)
        if found and found[1] in found[0].classes and is_called(pool, *found, depth + 1):
            return True
    return False


class Listed:
    """What the hand-written tables say already."""

    def __init__(self, rules):
        self.safe, self.dangerous = set(), set()
        for path in pathlib.Path(rules, "safe").glob("*.toml"):
            if not path.name.endswith("_classes.toml"):
                self.safe |= entries(path)
        for path in pathlib.Path(rules, "dangerous").glob("*.toml"):
            self.dangerous |= entries(path)

    def covers(self, dotted):
        parts = dotted.split(".")
        return dotted in self.safe or any(".".join(parts[:n]) in self.dangerous for n in range(1, len(parts) + 1))


def entries(path):
    for_each = tomllib.loads(path.read_text())["group"]
    return {".".join(filter(None, (module, name))) for group in for_each for module in group["modules"] for name in group.get("names", [""])}


def main(wheels, rules, *packages):
    listed = Listed(rules)
    versions = collections.defaultdict(list)
    for path in sorted(pathlib.Path(wheels).glob("*.whl")):
        project, version = path.name.split("-")[:2]
        versions[project].append((tuple(int(n) if n.isdigit() else 0 for n in version.split(".")), version, path))
    newest = {}
    for project, known in versions.items():
        newest.update(read_wheel(max(known)[2]))
    for package, (take, leave, references) in RECIPES.items():
        if packages and package not in packages:
            continue
        classes, enums, functions, read = collections.defaultdict(set), collections.defaultdict(set), collections.defaultdict(set), []
        for project, known in sorted(versions.items()):
            for order, version, path in sorted(known):
                if not provides(path, package):
                    continue
                own = newest if order == max(known)[0] else read_wheel(path)
                read.append(f"{project} {version}")
                pool = Pool(own, newest)
                for module in own.values():
                    if not f"{module.name}.".startswith(f"{package}.") or not re.search(take, module.name) or re.search(leave, module.name) or LEAVE_EVERYWHERE.search(module.name):
                        continue
                    for name in module.classes:
                        if listed.covers(f"{module.name}.{name}") or LEAVE_CLASSES.search(name):
                            continue
                        why = pool.unfit(module, name)
                        if why:
                            print(f"rejected {module.name}.{name} ({version}): {why}")
                        elif is_called(pool, module, name):
                            enums[name].add(module.name)
                        else:
                            classes[name].add(module.name)
                    if references and re.search(references, module.name):
                        for name, function in module.functions.items():
                            if LEAVE_FUNCTIONS.search(name):
                                continue
                            why = pool.risky(module, function, {}, set())
                            if not why and not listed.covers(f"{module.name}.{name}"):
                                functions[name].add(module.name)
        write(pathlib.Path(rules, "safe", f"{package}_classes.toml"), package, read, classes, enums, functions)


@functools.cache
def provides(path, package):
    with zipfile.ZipFile(path) as wheel:
        return any(member.startswith(package + "/") for member in wheel.namelist())


def write(path, package, read, classes, enums, functions):
    lines = [
        f"# Classes of {package} that are safe to construct without __init__ and to fill.",
        "# Made by make_safe_lists.py; regenerate rather than edit. Hand-written entries are in the files without `_classes`.",
        f'source = "sources of {", ".join(read)}: nothing that runs while they are filled opens, loads, evaluates, imports or deletes"',
    ]
    count = 0
    for table, what in ((classes, ['class = "model"']), (enums, ['class = "model"', "call = true"]), (functions, ['class = "reference"'])):
        by_module = collections.defaultdict(list)
        for name, modules in table.items():
            for module in modules:
                by_module[module].append(name)
        by_names = collections.defaultdict(list)
        for module, names in by_module.items():
            by_names[tuple(sorted(names))].append(module)
        for names, modules in sorted(by_names.items(), key=lambda item: min(item[1])):
            count += len(names) * len(modules)
            lines += ["", "[[group]]", *what]
            lines.append("modules = [" + ", ".join(f'"{m}"' for m in sorted(modules)) + "]")
            lines.append("names = [" + ", ".join(f'"{n}"' for n in names) + "]")
    if count:
        path.write_text("\n".join(lines) + "\n")
    print(f"{path.name}: {count} entries from {', '.join(read)}", file=sys.stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
