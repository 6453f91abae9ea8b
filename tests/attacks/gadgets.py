"""Attacks of the sections A and B: callables of Python and of other packages that run code, each called by a small pickle."""

from parts import (EMPTY_DICT, EVIL, FALSE, NONE, POP, TRUE, call, fields, fill, get, listed, many, name, new, number, old_name, pairs,
                   pickle, put, raw, text)

TRUE_COMMAND = (text("true"),)
CRITICAL, HIGH, MEDIUM, LOW = "critical", "high", "medium", "low"


def called(identity, slug, module, attribute, severity=CRITICAL, arguments=TRUE_COMMAND, old=False):
    maker = old_name if old else name
    protocol = 2 if old else 4
    evidence = attribute if old else "%s.%s" % (module, attribute)
    return identity, slug, pickle(call(maker(module, attribute), *arguments), protocol=protocol), severity, evidence


# (id, slug, module, attribute, least severity)
CALLS = [
    ("A01", "os-system", "os", "system", CRITICAL), ("A01", "os-popen", "os", "popen", CRITICAL), ("A01", "os-execvp", "os", "execvp", CRITICAL),
    ("A01", "os-spawnlp", "os", "spawnlp", CRITICAL), ("A02", "posix-system", "posix", "system", CRITICAL), ("A02", "nt-system", "nt", "system", CRITICAL),
    ("A03", "subprocess-popen", "subprocess", "Popen", CRITICAL), ("A03", "subprocess-getoutput", "subprocess", "getoutput", CRITICAL),
    ("A04", "eval", "builtins", "eval", CRITICAL), ("A04", "exec", "builtins", "exec", CRITICAL), ("A04", "compile", "builtins", "compile", CRITICAL),
    ("A04", "import", "builtins", "__import__", CRITICAL), ("A04", "open", "builtins", "open", CRITICAL), ("A04", "breakpoint", "builtins", "breakpoint", CRITICAL),
    ("A04", "globals", "builtins", "globals", HIGH), ("A04", "input", "builtins", "input", HIGH), ("A04", "delattr", "builtins", "delattr", HIGH),
    ("A09", "operator-call", "operator", "call", CRITICAL), ("A11", "resolve-name", "pkgutil", "resolve_name", CRITICAL),
    ("A12", "pydoc-locate", "pydoc", "locate", CRITICAL), ("A12", "pydoc-pipepager", "pydoc", "pipepager", CRITICAL),
    ("A15", "codeop", "codeop", "compile_command", CRITICAL), ("A16", "get-type-hints", "typing", "get_type_hints", CRITICAL),
    ("A16", "eval-type", "typing", "_eval_type", HIGH), ("A20", "timeit", "timeit", "timeit", CRITICAL), ("A22", "profile-run", "profile", "run", CRITICAL),
    ("A22", "profile-method", "profile", "Profile.run", CRITICAL), ("A24", "bdb-run", "bdb", "Bdb.run", CRITICAL), ("A24", "pdb-run", "pdb", "run", CRITICAL),
    ("A25", "doctest", "doctest", "debug_script", CRITICAL), ("A29", "lib2to3-grammar", "lib2to3.pgen2.grammar", "Grammar.loads", CRITICAL),
    ("A29", "lib2to3-label", "lib2to3.pgen2.pgen", "ParserGenerator.make_label", CRITICAL), ("A31", "spawnv-passfds", "multiprocessing.util", "spawnv_passfds", CRITICAL),
    ("A31", "spawn-prepare", "multiprocessing.spawn", "prepare", CRITICAL), ("A33", "executor-submit", "concurrent.futures", "ThreadPoolExecutor.submit", CRITICAL),
    ("A34", "thread", "threading", "Thread", CRITICAL), ("A34", "start-new-thread", "_thread", "start_new_thread", CRITICAL), ("A34", "timer", "threading", "Timer", CRITICAL),
    ("A35", "ensurepip", "ensurepip", "_run_pip", CRITICAL), ("A35", "pip-main", "pip", "main", CRITICAL), ("A35", "pip-internal", "pip._internal.cli.main", "main", CRITICAL),
    ("A35", "venv", "venv", "create", CRITICAL), ("A36", "distutils-spawn", "distutils.spawn", "spawn", CRITICAL), ("A36", "distutils-write", "distutils.file_util", "write_file", CRITICAL),
    ("A36", "setuptools-spawn", "setuptools._distutils.spawn", "spawn", CRITICAL), ("A37", "ctypes-cdll", "ctypes", "CDLL", CRITICAL), ("A37", "ctypes-dlopen", "_ctypes", "dlopen", CRITICAL),
    ("A39", "osx-support", "_osx_support", "_read_output", CRITICAL), ("A39", "aix-support", "_aix_support", "_read_cmd_output", CRITICAL),
    ("A40", "pyrepl-pager", "_pyrepl.pager", "pipe_pager", CRITICAL), ("A43", "interpreters", "_interpreters", "run_string", CRITICAL),
    ("A43", "subinterpreters", "_xxsubinterpreters", "run_string", CRITICAL), ("A45", "logging-file", "logging", "FileHandler", MEDIUM),
    ("A45", "logging-socket", "logging.handlers", "SocketHandler", MEDIUM), ("A46", "mock-importer", "unittest.mock", "_importer", CRITICAL),
    ("A46", "load-tests", "unittest.loader", "loadTestsFromName", CRITICAL), ("A47", "addsitedir", "site", "addsitedir", HIGH), ("A48", "settrace", "sys", "settrace", HIGH),
    ("A49", "atexit", "atexit", "register", CRITICAL), ("A49", "finalize", "weakref", "finalize", CRITICAL), ("A49", "signal", "signal", "signal", CRITICAL),
    ("A49", "sched", "sched", "scheduler", CRITICAL), ("A50", "webbrowser", "webbrowser", "open", HIGH), ("A51", "socket", "socket", "create_connection", HIGH),
    ("A51", "ssl-dns", "ssl", "get_server_certificate", HIGH), ("A51", "urlopen", "urllib.request", "urlopen", HIGH), ("A51", "ftplib", "ftplib", "FTP", HIGH),
    ("A51", "smtplib", "smtplib", "SMTP", HIGH), ("A52", "socketserver", "socketserver", "TCPServer", HIGH), ("A52", "http-server", "http.server", "HTTPServer", HIGH),
    ("A54", "write-text", "pathlib", "Path.write_text", HIGH), ("A54", "unlink", "pathlib", "Path.unlink", HIGH), ("A55", "fileio", "_io", "FileIO", MEDIUM),
    ("A55", "io-open", "io", "open", MEDIUM), ("A55", "codecs-open", "codecs", "open", MEDIUM), ("A55", "linecache", "linecache", "getlines", MEDIUM),
    ("A58", "sigsegv", "faulthandler", "_sigsegv", MEDIUM), ("A58", "abort", "os", "abort", MEDIUM), ("A59", "gc", "gc", "get_objects", HIGH),
    ("A59", "currentframe", "inspect", "currentframe", HIGH), ("A59", "frame-globals", "types", "FrameType.f_globals.__get__", HIGH),
    ("A62", "get-field", "string", "Formatter.get_field", MEDIUM), ("A62", "format-map", "builtins", "str.format_map", MEDIUM),
    ("A64", "picklescan", "picklescan.scanner", "_unsafe_globals.clear", CRITICAL), ("A65", "add-extension", "copyreg", "add_extension", CRITICAL),
    ("B01", "torch-load", "torch", "load", HIGH), ("B01", "torch-serialization-load", "torch.serialization", "load", HIGH),
    ("B03", "collect-env-run", "torch.utils.collect_env", "run", CRITICAL), ("B04", "exec-wrapper", "torch.jit.unsupported_tensor_ops", "execWrapper", CRITICAL),
    ("B05", "run-cprofile", "torch.utils.bottleneck.__main__", "run_cprofile", CRITICAL),
    ("B07", "evaluate-guards", "torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", CRITICAL),
    ("B08", "compile-file", "torch._inductor.codecache", "compile_file", CRITICAL), ("B09", "load-config", "torch.utils._config_module", "ConfigModule.load_config", CRITICAL),
    ("B10", "basichandlers", "torch.utils.data.datapipes.utils.decoder", "basichandlers", CRITICAL), ("B13", "load-library", "torch.ops", "load_library", CRITICAL),
    ("B13", "classes-load-library", "torch", "classes.load_library", CRITICAL), ("B13", "cpp-extension", "torch.utils.cpp_extension", "load_inline", CRITICAL),
    ("B15", "parse-type-line", "torch.jit.annotations", "parse_type_line", CRITICAL), ("B16", "dynamo", "torch._dynamo", "optimize", HIGH),
    ("B16", "compile", "torch", "compile", HIGH), ("B19", "getlincoef", "numpy.f2py.crackfortran", "getlincoef", CRITICAL), ("B19", "myeval", "numpy.f2py.crackfortran", "myeval", CRITICAL),
    ("B20", "numpy-load", "numpy", "load", HIGH), ("B20", "npzfile", "numpy.lib.npyio", "NpzFile", HIGH), ("B21", "ctypeslib", "numpy.ctypeslib", "load_library", CRITICAL),
    ("B21", "exec-command", "numpy.distutils.exec_command", "exec_command", CRITICAL), ("B22", "savetxt", "numpy", "savetxt", MEDIUM), ("B22", "tofile", "numpy", "ndarray.tofile", MEDIUM),
    ("B22", "memmap", "numpy", "memmap", MEDIUM), ("B27", "memorized-func", "joblib.memory", "MemorizedFunc", MEDIUM), ("B30", "yaml-load", "yaml", "unsafe_load", CRITICAL),
    ("B30", "jsonpickle", "jsonpickle", "decode", CRITICAL), ("B30", "shelve", "shelve", "open", CRITICAL), ("B31", "sh", "sh", "bash", CRITICAL), ("B31", "pexpect", "pexpect", "spawn", CRITICAL),
    ("B31", "paramiko", "paramiko", "SSHClient", HIGH), ("B32", "requests", "requests", "get", HIGH), ("B32", "hub-download", "huggingface_hub", "hf_hub_download", HIGH),
    ("B32", "aiohttp", "aiohttp", "request", HIGH), ("B33", "loadmat", "scipy.io", "loadmat", MEDIUM), ("B33", "load-svmlight", "sklearn.datasets", "load_svmlight_file", MEDIUM),
    ("B35", "write-file", "tensorflow.io", "write_file", CRITICAL), ("B35", "load-op-library", "tensorflow", "load_op_library", CRITICAL), ("B35", "load-model", "keras.models", "load_model", CRITICAL),
    ("B35", "get-file", "keras.utils", "get_file", CRITICAL), ("B37", "run-cell", "IPython.core.interactiveshell", "InteractiveShell.run_cell", CRITICAL), ("B37", "dotenv", "dotenv.cli", "run_command", HIGH),
]

# Python 2's names, mapped by Python 3 for protocols below 3.
OLD_CALLS = [
    ("A66", "commands", "commands", "getoutput"), ("A66", "cpickle", "cPickle", "loads"), ("A66", "execfile", "__builtin__", "execfile"),
    ("A66", "apply", "__builtin__", "apply"), ("A66", "thread", "thread", "start_new_thread"), ("A66", "raw-input", "__builtin__", "raw_input"),
]

TYPE = name("builtins", "type")
RUN_CODE = (b"\xe3" + b"\0" * 16)


def attacks():
    found = [called(identity, slug, module, attribute, severity) for identity, slug, module, attribute, severity in CALLS]
    found += [called(identity, slug, module, attribute, HIGH, old=True) for identity, slug, module, attribute in OLD_CALLS]
    system = name("os", "system")
    found += [
        ("A04", "getattr-of-module", pickle(call(call(name("builtins", "getattr"), call(name("importlib", "import_module"), text("os")), text("system")), text("true"))), CRITICAL, "os.system(\"true\")"),
        ("A09", "methodcaller", pickle(call(call(name("operator", "methodcaller"), text("system"), text("true")), call(name("builtins", "__import__"), text("os")))), CRITICAL, "os.system"),
        ("A09", "attrgetter", pickle(call(call(call(name("operator", "attrgetter"), text("system")), call(name("importlib", "import_module"), text("os"))), text("true"))), CRITICAL, "os.system"),
        ("A11", "resolve-name-called", pickle(call(call(name("pkgutil", "resolve_name"), text("os:system")), text("true"))), CRITICAL, "os.system(\"true\")"),
        ("A13", "marshal-function", pickle(call(call(name("types", "FunctionType"), call(name("marshal", "loads"), raw(RUN_CODE)), EMPTY_DICT))), CRITICAL, "marshal.loads"),
        ("A14", "code-type", pickle(call(name("types", "CodeType"), number(0), number(0))), CRITICAL, "types.CodeType"),
        ("A16", "annotations", pickle(call(name("typing", "get_type_hints"), fill(call(name("types", "SimpleNamespace")), fields(__annotations__=fields(a=text("print(1)")))))), CRITICAL, "get_type_hints"),
        ("A18", "namedtuple", pickle(call(name("collections", "namedtuple"), text("X"), text("a\nprint(1)"))), MEDIUM, "namedtuple"),
        ("A48", "fill-sys-modules", pickle(fill(name("sys", "modules"), fields(json=NONE))), HIGH, "sys.modules"),
        ("A61", "list-of-map", pickle(call(name("builtins", "list"), call(name("builtins", "map"), system, listed(text("true"))))), CRITICAL, "os.system(\"true\")"),
        ("A61", "any-of-filter", pickle(call(name("builtins", "tuple"), call(name("builtins", "filter"), system, listed(text("true"))))), CRITICAL, "os.system(\"true\")"),
        ("A63", "import-only", pickle(name("antigravity", "fly") + POP + NONE), MEDIUM, "antigravity"),
        ("A63", "import-of-unknown", pickle(name("modelscand_no_such_module", "x") + POP + NONE), MEDIUM, "modelscand_no_such_module.x"),
        ("A64", "fill-fickling", pickle(fill(name("fickling.analysis", "Analyzer"), fields(x=NONE))), CRITICAL, "fickling"),
        ("A64", "import-modelscan", pickle(name("modelscan.settings", "DEFAULT_SETTINGS")), HIGH, "modelscan"),
        ("A65", "extension-code", pickle(call(name("copyreg", "add_extension"), text("os"), text("system"), number(240)) + POP + call(b"\x82\xf0", text("true"))), CRITICAL, "copyreg.add_extension"),
        ("B11", "graph-module", pickle(call(name("torch.fx.graph_module", "reduce_graph_module"), fields(_code=text("import os\ndef forward(self):\n    return os.system('true')\n")), text("import torch"))), CRITICAL, "os"),
        ("B26", "cloudpickle-wrapper", pickle(call(name("joblib.externals.loky.cloudpickle_wrapper", "_reconstruct_wrapper"), raw(EVIL), TRUE)), CRITICAL, "_reconstruct_wrapper"),
        ("B29", "cloudpickle-loads", pickle(call(name("cloudpickle", "loads"), raw(EVIL))), CRITICAL, "os.system(\"true\")"),
        ("B29", "subimport", pickle(call(call(name("builtins", "getattr"), call(name("cloudpickle.cloudpickle", "subimport"), text("os")), text("system")), text("true"))), CRITICAL, "os.system(\"true\")"),
    ]
    return found
