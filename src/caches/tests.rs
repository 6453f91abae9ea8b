//! Discovery in made-up environments, and what paths in each layout mean, as tables.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::*;

fn environment(vars: &[(&str, &str)]) -> Environment {
    Environment {
        vars: vars.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))).collect(),
        home: Some(PathBuf::from("/no-such-home")),
        cwd: PathBuf::from("/no-such-cwd"),
    }
}

fn found(kind: CacheKind, vars: &[(&str, &str)]) -> Vec<String> {
    let watch = Watch { caches: vec![kind], ..Watch::default() };
    discover(&environment(vars), &watch).into_iter().map(|root| root.path.display().to_string()).collect()
}

#[test]
fn the_hub_cache_is_where_huggingface_hub_puts_it() {
    let hub = |vars: &[(&str, &str)]| found(CacheKind::Huggingface, vars);
    assert_eq!(hub(&[]), ["/no-such-home/.cache/huggingface/hub"]);
    assert_eq!(hub(&[("XDG_CACHE_HOME", "/xdg")]), ["/xdg/huggingface/hub"]);
    assert_eq!(hub(&[("XDG_CACHE_HOME", "/xdg"), ("HF_HOME", "~/hf")]), ["/no-such-home/hf/hub"]);
    assert_eq!(hub(&[("HF_HOME", "/hf"), ("HUGGINGFACE_HUB_CACHE", "/old")]), ["/old"]);
    assert_eq!(hub(&[("HF_HUB_CACHE", "/new"), ("HUGGINGFACE_HUB_CACHE", "/old")]), ["/new"]);
    assert_eq!(hub(&[("HF_HUB_CACHE", ""), ("HF_HOME", "rel")]), ["/no-such-cwd/rel/hub"]);
    assert_eq!(hub(&[("HF_HUB_CACHE", "/a"), ("TRANSFORMERS_CACHE", "/b")]), ["/a", "/b"]);
}

#[test]
fn mlflow_is_found_by_its_tracking_uri_where_that_is_local() {
    let mlflow = |uri: &str| found(CacheKind::Mlflow, &[("MLFLOW_TRACKING_URI", uri)]);
    let defaults = ["/no-such-cwd/mlruns", "/no-such-cwd/mlartifacts"];
    let with = |first: &str| [first, defaults[0], defaults[1]].map(str::to_owned).to_vec();
    assert_eq!(found(CacheKind::Mlflow, &[]), defaults);
    assert_eq!(mlflow("/srv/runs"), with("/srv/runs"));
    assert_eq!(mlflow("runs"), with("/no-such-cwd/runs"));
    assert_eq!(mlflow("file:///srv/my%20runs"), with("/srv/my runs"));
    assert_eq!(mlflow("file:/srv/runs"), with("/srv/runs"));
    assert_eq!(mlflow("file:./runs"), with("/no-such-cwd/runs"));
    assert_eq!(mlflow("file://localhost/srv/runs"), with("/srv/runs"));
    assert_eq!(mlflow("file://elsewhere/srv/runs"), defaults);
    for remote in ["http://127.0.0.1:5000", "https://x/y", "databricks", "postgresql://u:p@h/db", "s3://b/c"] {
        assert_eq!(mlflow(remote), defaults, "{remote}");
    }
    assert_eq!(mlflow("sqlite:///mlflow.db"), defaults);
    assert_eq!(mlflow("sqlite:////srv/mlflow.db")[..2], ["/srv/mlruns", "/srv/mlartifacts"]);
    assert_eq!(mlflow("sqlite://"), defaults);
    assert_eq!(found(CacheKind::Mlflow, &[("MLFLOW_ARTIFACTS_DESTINATION", "/srv/a")]), with("/srv/a"));
}

#[test]
fn torch_and_keras_are_found_by_their_variables_and_defaults() {
    assert_eq!(found(CacheKind::TorchHub, &[]), ["/no-such-home/.cache/torch"]);
    assert_eq!(found(CacheKind::TorchHub, &[("XDG_CACHE_HOME", "/xdg")]), ["/xdg/torch"]);
    assert_eq!(found(CacheKind::TorchHub, &[("XDG_CACHE_HOME", "/xdg"), ("TORCH_HOME", "/t")]), ["/t"]);
    assert_eq!(found(CacheKind::Keras, &[]), ["/no-such-home/.keras", "/no-such-home/.cache/kagglehub"]);
    assert_eq!(found(CacheKind::Keras, &[("KERAS_HOME", "/k"), ("KAGGLEHUB_CACHE", "/g")]), ["/k", "/g"]);
}

#[test]
fn without_a_home_only_named_folders_are_found() {
    let nobody = Environment { home: None, cwd: PathBuf::from("/"), ..Environment::default() };
    let watch =
        Watch { caches: vec![CacheKind::Huggingface, CacheKind::TorchHub, CacheKind::Keras], ..Watch::default() };
    assert!(discover(&nobody, &watch).is_empty());
}

#[test]
fn a_configured_path_that_is_a_cache_stays_that_cache() {
    let watch = Watch {
        caches: vec![CacheKind::TorchHub],
        paths: vec!["~/.cache/torch/./".into(), "/srv/models".into(), "/srv/models/".into()],
        ..Watch::default()
    };
    let roots = discover(&environment(&[]), &watch);
    let expected = [("/no-such-home/.cache/torch", CacheKind::TorchHub), ("/srv/models", CacheKind::Folder)];
    let found: Vec<_> = roots.iter().map(|root| (root.path.to_str().unwrap(), root.cache)).collect();
    assert_eq!(found, expected);
}

#[test]
fn roots_are_canonical_as_far_as_they_exist() {
    let home = tempfile::tempdir().unwrap();
    let real = home.path().canonicalize().unwrap().join("real");
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, home.path().join("link")).unwrap();
    let watch = Watch {
        caches: vec![],
        paths: vec![home.path().join("link/later/on"), real.join("later/on")],
        ..Watch::default()
    };
    let roots = discover(&environment(&[]), &watch);
    assert_eq!(roots.len(), 1, "two names of one folder are one root: {roots:?}");
    assert_eq!(roots[0].path, real.join("later/on"));
}

#[test]
fn the_innermost_root_says_what_a_file_is() {
    let root = |path: &str, cache| Root { path: path.into(), cache };
    let roots =
        [root("/srv", CacheKind::Folder), root("/srv/hub", CacheKind::Huggingface), root("/srv/hu", CacheKind::Mlflow)];
    assert_eq!(root_of(&roots, Path::new("/srv/hub/x")).unwrap().cache, CacheKind::Huggingface);
    assert_eq!(root_of(&roots, Path::new("/srv/hubs/x")).unwrap().cache, CacheKind::Folder);
    assert!(root_of(&roots, Path::new("/other")).is_none());
}

fn told(cache: CacheKind, path: &str) -> String {
    let root = Root { path: "/r".into(), cache };
    let o = origin(&root, &Path::new("/r").join(path));
    assert_eq!(o.cache, cache);
    let parts = [
        ("repo", o.repository),
        ("rev", o.revision),
        ("exp", o.experiment),
        ("run", o.run),
        ("model", o.model),
        ("name", o.name),
    ];
    let parts: Vec<_> =
        parts.into_iter().filter_map(|(key, value)| value.map(|value| format!("{key}={value}"))).collect();
    parts.join(" ")
}

#[test]
fn a_hub_path_tells_repository_revision_and_name() {
    let table = [
        ("models--org--name/snapshots/abc/a/b.bin", "repo=org/name rev=abc name=a/b.bin"),
        ("models--gpt2/snapshots/abc/model.bin", "repo=gpt2 rev=abc name=model.bin"),
        ("datasets--org--d/snapshots/abc/x.pkl", "repo=datasets/org/d rev=abc name=x.pkl"),
        ("spaces--org--s/blobs/e3b0", "repo=spaces/org/s name=blobs/e3b0"),
        ("models--org--name/refs/main", "repo=org/name name=refs/main"),
        ("models--/x", "name=models--/x"),
        ("stray.bin", "name=stray.bin"),
        ("other--a--b/snapshots/c/d", "name=other--a--b/snapshots/c/d"),
    ];
    for (path, expected) in table {
        assert_eq!(told(CacheKind::Huggingface, path), expected);
    }
}

#[test]
fn an_mlflow_path_tells_experiment_run_or_model_and_name() {
    let run = "0123456789abcdef0123456789abcdef";
    let table = [
        (format!("7/{run}/artifacts/model/model.pkl"), format!("exp=7 run={run} name=model/model.pkl")),
        (format!("7/models/m-{run}/artifacts/model.skops"), format!("exp=7 model=m-{run} name=model.skops")),
        (format!(".trash/7/{run}/artifacts/x"), format!("exp=7 run={run} name=x")),
        (format!("7/{run}/tags/x"), format!("exp=7 run={run} name=tags/x")),
        ("models/registered/version-1/meta.yaml".into(), "name=models/registered/version-1/meta.yaml".into()),
        ("mine/model.pkl".into(), "name=mine/model.pkl".into()),
    ];
    for (path, expected) in table {
        assert_eq!(told(CacheKind::Mlflow, &path), expected);
    }
}

#[test]
fn torch_keras_and_plain_paths_tell_their_names() {
    assert_eq!(told(CacheKind::TorchHub, "hub/checkpoints/resnet.pth"), "name=resnet.pth");
    assert_eq!(
        told(CacheKind::TorchHub, "hub/pytorch_vision_main/hubconf.py"),
        "repo=pytorch_vision_main name=hubconf.py"
    );
    assert_eq!(told(CacheKind::Keras, "models/vgg16.h5"), "name=vgg16.h5");
    assert_eq!(
        told(CacheKind::Keras, "models/keras/gemma/keras/gemma_2b/3/model.weights.h5"),
        "repo=keras/gemma/keras/gemma_2b rev=3 name=model.weights.h5"
    );
    assert_eq!(told(CacheKind::Folder, "a/b.pt"), "name=a/b.pt");
}

#[test]
fn hostile_names_become_printable_and_short() {
    let root = Root { path: "/r".into(), cache: CacheKind::Huggingface };
    let name = OsString::from_vec([b"models--o--\xff\x1b[31m\n".as_slice(), &[b'x'; 5000]].concat());
    let repository = origin(&root, &Path::new("/r").join(name).join("snapshots/a/b")).repository.unwrap();
    assert!(repository.len() <= MAX_TEXT_BYTES && !repository.contains(['\n', '\u{1b}']), "{repository}");
}

#[test]
fn only_exact_positions_are_passed_over() {
    let uuid = "01234567-89ab-cdef-0123-456789abcdef";
    let hex = "0123456789abcdef0123456789abcdef";
    let table = [
        (CacheKind::Huggingface, ".locks/models--o--n/e.lock".to_owned(), true),
        (CacheKind::Huggingface, "models--o--n/blobs/e3b0.0123abcd.incomplete".into(), true),
        (CacheKind::Huggingface, format!("models--o--n/blobs/tmp_{uuid}"), true),
        (CacheKind::Huggingface, "models--o--n/refs/pr/1".into(), true),
        (CacheKind::Huggingface, "models--o--n/.no_exist/abc/x.json".into(), true),
        (CacheKind::Huggingface, "models--o--n/blobs/e3b0".into(), false),
        (CacheKind::Huggingface, "models--o--n/blobs/tmp_model".into(), false),
        (CacheKind::Huggingface, "models--o--n/snapshots/a/refs/model.bin".into(), false),
        (CacheKind::Huggingface, "models--o--n/snapshots/a/model.incomplete".into(), false),
        (CacheKind::Huggingface, "models--o--n/snapshots/a/model.lock".into(), false),
        (CacheKind::Huggingface, "stray/refs/model".into(), false),
        (CacheKind::Huggingface, "x.incomplete".into(), false),
        (CacheKind::Mlflow, format!("0/{hex}/artifacts/.artifact.uploading.ab12cd_9"), true),
        (CacheKind::Mlflow, format!("0/{hex}/artifacts/.artifact.uploading.a/model.pkl"), false),
        (CacheKind::Mlflow, "mlflow.db-wal".into(), true),
        (CacheKind::Mlflow, format!("0/{hex}/artifacts/mlflow.db"), false),
        (CacheKind::Mlflow, format!("0/{hex}/meta.yaml"), false),
        (CacheKind::TorchHub, format!("hub/checkpoints/r.pth.{hex}.partial"), true),
        (CacheKind::TorchHub, "hub/checkpoints/r.partial".into(), false),
        (CacheKind::Keras, "keras.json".into(), true),
        (CacheKind::Keras, "models/keras.json".into(), false),
        (CacheKind::Folder, "models--o--n/blobs/e.incomplete".into(), false),
        (CacheKind::Folder, "x.lock".into(), false),
    ];
    for (cache, path, expected) in table {
        let root = Root { path: "/r".into(), cache };
        assert_eq!(is_passed_over(&root, &Path::new("/r").join(&path)), expected, "{cache:?} {path}");
    }
}

#[test]
fn a_snapshot_link_leads_to_a_blob_of_its_own_repository_or_nowhere() {
    let root = Root { path: "/r".into(), cache: CacheKind::Huggingface };
    let link = "/r/models--o--n/snapshots/abc/unet/model.bin";
    let table = [
        (link, "../../../blobs/e3b0", Some("/r/models--o--n/blobs/e3b0")),
        (link, "/r/models--o--n/blobs/e3b0", Some("/r/models--o--n/blobs/e3b0")),
        (link, "../../blobs/e3b0", None),
        (link, "../../../../models--o--m/blobs/e3b0", None),
        (link, "../../../blobs/deeper/e3b0", None),
        (link, "../../../blobs/../refs/main", None),
        (link, "/etc/passwd", None),
        (link, "../../../../../../../../../..", None),
        ("/r/models--o--n/elsewhere/abc/model.bin", "../../blobs/e3b0", None),
        ("/elsewhere/models--o--n/snapshots/abc/m", "../../blobs/e3b0", None),
    ];
    for (link, target, expected) in table {
        assert_eq!(
            link_target(&root, Path::new(link), Path::new(target)).as_deref(),
            expected.map(Path::new),
            "{target}"
        );
    }
    assert_eq!(
        link_target(&Root { cache: CacheKind::Folder, ..root }, Path::new(link), Path::new("../../../blobs/e")),
        None
    );
}
