//! Judgements as tables: each attack by its name, each honest callable by the framework that writes it.

use super::*;
use Severity::{Critical, High};

fn judge(module: &str, name: &str) -> Judgement {
    Rules::builtin().judge(module, name)
}

/// The severity that a call has by the judgement alone.
fn severity(judgement: Judgement) -> Option<Severity> {
    match judgement {
        Judgement::Dangerous { severity, .. } => Some(severity),
        Judgement::StandardLibrary | Judgement::NoPlaceInModels { .. } | Judgement::Unknown => Some(High),
        _ => None,
    }
}

#[test]
fn dotted_names_are_judged_where_they_end() {
    for (module, name, least) in [
        ("numpy", "core.multiarray.os.system", Critical),
        ("torch.serialization", "os.system", Critical),
        ("torch.serialization", "os", Critical),
        ("collections", "OrderedDict.__init__.__globals__", Critical),
        ("my_pkg.models", "np.load", High),
        ("pathlib", "Path.write_text", Critical),
        ("collections", "OrderedDict.__reduce__", High),
        ("my_pkg", "system", High),
        ("../evil", "f", High),
    ] {
        assert!(severity(judge(module, name)) >= Some(least), "{module} {name}: {:?}", judge(module, name));
    }
}

#[test]
fn names_of_python_2_are_mapped_as_cpython_maps_them() {
    assert_eq!(map_python2("__builtin__", "xrange"), ("builtins", "range"));
    assert_eq!(map_python2("commands", "getoutput"), ("subprocess", "getoutput"));
    assert_eq!(map_python2("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor"));
    assert_eq!(map_python2("numpy", "dtype"), ("numpy", "dtype"));
}
