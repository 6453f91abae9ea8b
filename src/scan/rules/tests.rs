//! Judgements as tables: each attack by its name, each honest callable by the framework that writes it.

mod attacks;
mod mistakes;

use super::*;
use Severity::{Critical, High, Medium};

fn judge(module: &str, name: &str) -> Judgement {
    Rules::builtin().judge(module, name)
}

/// The severity that a call has by the judgement alone.
fn severity(judgement: Judgement) -> Option<Severity> {
    match judgement {
        Judgement::Dangerous { severity, .. } => Some(severity),
        Judgement::StandardLibrary | Judgement::NoPlaceInModels { .. } | Judgement::Unknown => Some(High),
        Judgement::Inert
        | Judgement::Model { .. }
        | Judgement::Reference
        | Judgement::Conditional(_)
        | Judgement::Allowed => None,
    }
}

#[test]
fn every_module_of_the_standard_library_is_known() {
    let names = include_str!("tests/standard_library.txt");
    for module in names.lines().filter(|line| !line.starts_with('#')) {
        assert_ne!(judge(module, "something"), Judgement::Unknown, "{module}");
        assert_ne!(judge(&format!("{module}.inner"), "something"), Judgement::Unknown, "{module}.inner");
    }
}

#[test]
fn the_tables_are_sorted_and_every_entry_is_found() {
    for (path, safe) in tables::SAFE {
        assert_eq!(tables::safe(path), Some(*safe), "{path}");
        let (module, name) = path.rsplit_once('.').unwrap();
        assert_eq!(judge(module, name), (*safe).into(), "{path}");
    }
    for (path, danger) in tables::DANGEROUS {
        assert_eq!(tables::danger(path), Some(*danger), "{path}");
    }
}

#[test]
fn nothing_below_a_safe_callable_is_safe_unless_it_is_listed() {
    for (path, _) in tables::SAFE {
        for attribute in ["modelscand_no_such_attribute", "__init__", "__reduce__", "os"] {
            let judgement = judge(path, attribute);
            assert!(severity(judgement).is_some(), "{path}.{attribute}: {judgement:?}");
        }
    }
}

#[test]
fn a_dotted_name_means_the_same_however_it_is_cut() {
    let whole = "numpy.core.multiarray._reconstruct";
    for (at, _) in whole.match_indices('.') {
        let (module, name) = (&whole[..at], &whole[at + 1..]);
        assert_eq!(judge(module, name), Judgement::Conditional(Condition::NumpyReconstruct), "{module} {name}");
    }
    assert_eq!(judge("os", "path.join"), judge("os.path", "join"));
}

#[test]
fn names_of_python_2_are_mapped_as_cpython_maps_them() {
    assert_eq!(map_python2("__builtin__", "xrange"), ("builtins", "range"));
    assert_eq!(map_python2("commands", "getoutput"), ("subprocess", "getoutput"));
    assert_eq!(map_python2("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor"));
    assert_eq!(map_python2("exceptions", "ValueError"), ("builtins", "ValueError"));
    assert_eq!(map_python2("UserDict", "IterableUserDict"), ("collections", "UserDict"));
    assert_eq!(map_python2("numpy", "dtype"), ("numpy", "dtype"));
    assert_eq!(map_python2("__builtin__", "str.format"), ("builtins", "str.format"));
}

#[test]
fn honest_callables_of_the_frameworks_are_safe() {
    for (module, name) in [
        ("builtins", "set"),
        ("__builtin__", "unicode"),
        ("collections", "OrderedDict"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.random._pickle", "__randomstate_ctor"),
        ("sklearn.tree.tree", "DecisionTreeClassifier"),
        ("sklearn.tree._classes", "DecisionTreeClassifier"),
        ("sklearn.tree._tree", "Tree"),
        ("sklearn.pipeline", "Pipeline"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch", "FloatStorage"),
        ("torch.nn.modules.linear", "Linear"),
        ("torch.optim.adam", "Adam"),
        ("torch.storage", "_load_from_bytes"),
        ("pandas.core.frame", "DataFrame"),
        ("pandas", "DataFrame"),
        ("xgboost.sklearn", "XGBClassifier"),
        ("lightgbm.sklearn", "LGBMClassifier"),
        ("joblib.numpy_pickle", "NumpyArrayWrapper"),
        ("transformers.training_args", "TrainingArguments"),
        ("ultralytics.nn.tasks", "DetectionModel"),
        ("scipy.sparse._csr", "csr_matrix"),
        ("scipy.sparse.csr", "csr_matrix"),
        ("re", "_compile"),
        ("zoneinfo", "ZoneInfo._unpickle"),
        ("pathlib", "PosixPath"),
    ] {
        assert_eq!(severity(judge(module, name)), None, "{module} {name}: {:?}", judge(module, name));
    }
}

#[test]
fn a_class_of_somebody_elses_is_unknown() {
    assert_eq!(judge("__main__", "Net"), Judgement::Unknown);
    assert_eq!(judge("my_pkg.io.code", "Reader"), Judgement::Unknown);
    assert_eq!(judge("my_pkg.models", "tokenize"), Judgement::Unknown);
    assert_eq!(judge("sklearn.no_such_module", "NoSuchEstimator"), Judgement::Unknown);
    assert_eq!(severity(judge("my_pkg.models", "__dict__")), Some(Medium), "functions that dill carries");
}

#[test]
fn a_pattern_of_the_user_allows_what_is_unknown_and_nothing_dangerous() {
    let rules = Rules::builtin().with_allowed(["my_pkg.models.*".to_owned(), "other.f".to_owned()]).unwrap();
    assert_eq!(rules.judge("my_pkg.models", "Net"), Judgement::Allowed);
    assert_eq!(rules.judge("my_pkg.models.deep", "Net.Layer"), Judgement::Allowed);
    assert_eq!(rules.judge("other", "f"), Judgement::Allowed);
    assert_eq!(rules.judge("other", "g"), Judgement::Unknown);
    assert_eq!(rules.judge("my_pkg.models_of_mallory", "Net"), Judgement::Unknown);
    for name in ["os.system", "Net.__init__.__globals__", "np.load", "requests.get", "subprocess"] {
        assert!(severity(rules.judge("my_pkg.models", name)) >= Some(High), "{name}");
    }
}

#[test]
fn a_pattern_that_would_allow_too_much_is_refused() {
    for pattern in ["*", "", "f", "my_pkg*", "my_pkg.*.f", ".*", "my_pkg..f", "my pkg.f", "my_pkg.**"] {
        let error = Rules::builtin().with_allowed([pattern.to_owned()]).unwrap_err();
        assert!(error.to_string().contains("package.module.name"), "{error}");
    }
}

#[test]
fn a_name_of_any_length_is_judged() {
    let long = "a".repeat(1 << 20);
    assert_eq!(judge(&long, &long), Judgement::Unknown);
    assert_eq!(severity(judge("os", &long)), Some(Critical));
    assert_eq!(severity(judge(&long, "os.system")), Some(Critical));
    assert_eq!(severity(judge("collections", &format!("OrderedDict.{long}"))), Some(High));
    assert_eq!(judge("é".repeat(200).as_str(), "é"), Judgement::Unknown);
}

#[test]
fn each_condition_is_used_and_has_its_own_word() {
    for (index, condition) in Condition::ALL.iter().enumerate() {
        assert!(Condition::ALL.iter().skip(index + 1).all(|other| other.word() != condition.word()));
        assert!(tables::SAFE.iter().any(|(_, safe)| *safe == Safe::Conditional(*condition)), "{condition:?}");
    }
}
