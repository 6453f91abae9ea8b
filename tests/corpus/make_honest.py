"""Writes the corpus of honest model files with the frameworks that are installed here.

Run once in each environment (see make.sh): `python make_honest.py OUT ENVIRONMENT`. Every maker whose framework can be
imported runs; what it writes lands under OUT/ENVIRONMENT/FRAMEWORK/ and is listed in OUT/manifest.toml, in a section of
its own, so that a second run replaces what the first one wrote. Runs under Python 2.7 and 3.6 to 3.13, which is why there
are no f-strings and no annotations. It must not read the network, the clock or the machine's state: the same environment
writes the same objects again.
"""
import importlib
import os
import random
import shutil
import sys
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
MAKERS = [
    "standard_library", "numpy_arrays", "scipy_objects", "pandas_frames", "sklearn_models", "boosting", "statistics",
    "code_carriers", "text_models", "torch_files", "torch_ecosystem", "keras_models", "small_frameworks", "other_formats",
]
# No honest file needs more than this to show how its framework saves.
MAX_FILE_BYTES = 400000


class Corpus(object):
    """Where makers put their files, and the list of what they put there."""

    def __init__(self, out, environment):
        self.environment = environment
        self.root = os.path.join(out, environment)
        self.entries = []
        self.skipped = []

    def save(self, framework, name, write, saved, worst="none", reason=""):
        """Writes one file. `write` is its bytes, or a function that is given the path; a failure skips the file."""
        relative = "%s/%s" % (folder_name(framework), name)
        path = os.path.join(self.root, relative)
        if not os.path.isdir(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path))
        before = set(os.listdir(os.path.dirname(path)))
        try:
            if callable(write):
                write(path)
            else:
                with open(path, "wb") as file:
                    file.write(write)
            size = os.path.getsize(path)
            if size > MAX_FILE_BYTES:
                raise ValueError("%d bytes are too many for the corpus" % size)
        except Exception as error:  # a class that cannot be saved is a fact about the framework, not a fault here
            self.skip("%s %s" % (framework, name), error)
            if os.path.exists(path):
                os.remove(path)
            return
        self.add(framework, relative, saved, worst, reason)
        # Some frameworks write more than the one file that they were asked for.
        for companion in sorted(set(os.listdir(os.path.dirname(path))) - before - {name}):
            self.add(framework, "%s/%s" % (folder_name(framework), companion), saved + ", beside " + name, worst, reason)

    def add(self, framework, relative, saved, worst, reason):
        self.entries.append({
            "path": "%s/%s" % (self.environment, relative),
            "framework": framework,
            "version": version_of(framework),
            "python": "%d.%d" % sys.version_info[:2],
            "saved": saved,
            "worst": worst,
            "reason": reason,
        })

    def skip(self, what, error):
        """Notes what could not be made, for the log."""
        self.skipped.append(what)
        sys.stderr.write("skipped %s: %s: %s\n" % (what, type(error).__name__, str(error).split("\n")[0][:160]))


def folder_name(framework):
    return framework.lower().replace(" ", "-")


def version_of(framework):
    """The version that the framework gives itself."""
    modules = {"python": None, "scikit-learn": "sklearn", "pytorch": "torch", "imbalanced-learn": "imblearn",
               "umap-learn": "umap", "sentence-transformers": "sentence_transformers", "scikit-surprise": "surprise",
               "pytorch-lightning": "pytorch_lightning", "category-encoders": "category_encoders"}
    module = modules.get(framework, framework)
    if module is None:
        return "%d.%d.%d" % sys.version_info[:3]
    imported = importlib.import_module(module)
    return str(getattr(imported, "__version__", None) or installed_version(framework))


def installed_version(distribution):
    from importlib import metadata
    return metadata.version(distribution)


def seed():
    """Makes the makers repeat themselves."""
    random.seed(7)
    try:
        import numpy
        numpy.random.seed(7)
    except ImportError:
        pass
    try:
        import torch
        torch.manual_seed(7)
        torch.set_num_threads(1)
    except ImportError:
        pass


def run_makers(corpus, names):
    for name in names:
        try:
            module = importlib.import_module("makers." + name)
        except ImportError as error:
            corpus.skip("%s (not installed)" % name, error)
            continue
        for framework, function in module.MAKERS:
            seed()
            try:
                function(corpus)
            except ImportError as error:
                corpus.skip("%s (not installed)" % framework, error)
            except Exception as error:
                traceback.print_exc()
                corpus.skip(framework, error)


def toml_string(text):
    return '"%s"' % text.replace("\\", "\\\\").replace('"', '\\"')


def section_of(corpus):
    """The environment's part of the manifest, without its heading."""
    lines = []
    for entry in sorted(corpus.entries, key=lambda entry: entry["path"]):
        lines.append("[[file]]")
        lines.extend("%s = %s" % (key, toml_string(entry[key]))
                     for key in ("path", "framework", "version", "python", "saved", "worst", "reason") if entry[key])
        lines.append("")
    return "\n".join(lines)


MANIFEST_HEAD = """# The honest model files beside this manifest: what wrote each, and the worst finding that may be made of it.
# Written by ../make_honest.py; see docs/corpus.md. `worst` is "none", or "medium" and "high" with the reason.

"""
HEADING = "# ---- environment: %s\n"


def write_manifest(out, corpus):
    """Puts the environment's section into the manifest, in place of the one that an earlier run wrote."""
    path = os.path.join(out, "manifest.toml")
    sections = {}
    if os.path.exists(path):
        with open(path) as file:
            for part in file.read().split(HEADING.split("%s")[0])[1:]:
                heading, body = part.split("\n", 1)
                sections[heading] = body.strip("\n")
    sections[corpus.environment] = section_of(corpus).strip("\n")
    with open(path, "w") as file:
        file.write(MANIFEST_HEAD)
        file.write("\n\n".join((HEADING % name) + sections[name] for name in sorted(sections)) + "\n")


def main(arguments):
    if len(arguments) < 2:
        sys.exit("usage: make_honest.py OUT ENVIRONMENT [MAKER ...]")
    out, environment = os.path.abspath(arguments[0]), arguments[1]
    sys.path.insert(0, HERE)
    corpus = Corpus(out, environment)
    if os.path.isdir(corpus.root):
        shutil.rmtree(corpus.root)
    run_makers(corpus, arguments[2:] or MAKERS)
    write_manifest(out, corpus)
    print("%s: %d files, %d skipped" % (environment, len(corpus.entries), len(corpus.skipped)))


if __name__ == "__main__":
    main(sys.argv[1:])
