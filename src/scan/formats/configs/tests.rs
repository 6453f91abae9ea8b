use proptest::prelude::*;

use super::super::testing::{report_of, severity_of};
use crate::report::{Report, Severity, Verdict};
use crate::scan::rules::Rules;
use crate::scan::{Engine, Hints, Limits};

fn report_named(name: &str, text: &str) -> Report {
    let hints = Hints { name: name.into() };
    let source = std::rc::Rc::new(text.as_bytes().to_vec());
    Engine::new(Limits::default(), Rules::default()).scan(source, &hints, &mut |_| {})
}

fn assert_raises(rule: &str, severity: Severity, files: &[&str]) {
    for file in files {
        let report = report_of(file.as_bytes());
        assert_eq!(severity_of(&report, rule), Some(severity), "{file}: {report:#?}");
    }
}

fn assert_clean(format: &str, files: &[&str]) {
    for file in files {
        let report = report_of(file.as_bytes());
        assert_eq!((report.verdict, report.findings.len()), (Verdict::Clean, 0), "{file}: {report:#?}");
        assert_eq!(report.formats[0], format, "{file}");
    }
}

#[test]
fn honest_files_of_hub_repositories_raise_nothing() {
    assert_clean(
        "hub-config",
        &[
            r#"{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 64, "_attn_implementation": "sdpa",
               "time_step_limit": [0.0, Infinity], "x": [NaN, -Infinity], "vision_config": {"model_type": "vit", "trust_remote_code": false}}"#,
            r#"{"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "code_revision": null, "chat_template": "{% for m in messages %}{{ m['content'] }}{% endfor %}"}"#,
            r#"{"metadata": {"total_size": 12}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "sub/b..safetensors"}}"#,
            r#"{"peft_type": "LORA", "base_model_name_or_path": "owner/model", "auto_mapping": {"base_model_class": "X", "parent_library": "transformers.models.x"}}"#,
            r#"{"_class_name": "Pipeline", "_diffusers_version": "0.30.0", "unet": ["diffusers", "UNet"]}"#,
            r#"[{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}, {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]"#,
            r#"{"transformers_version": "4.40.0", "do_sample": true}"#,
        ],
    );
}

#[test]
fn other_files_stay_what_they_are() {
    for text in [
        r#"{"name": "package", "dependencies": {"a": "1"}, "architectures": ["amd64"]}"#,
        r#"{"version": "1.0", "added_tokens": [], "model": {"type": "BPE", "vocab": {"a": 1, "_target_": 3}}}"#
            .replace("_target_", "target")
            .as_str(),
        r#"[{"path": "a", "type": "b"}]"#,
        "name: build\non: push\njobs:\n  a:\n    runs-on: x\n",
        "requests==2.0\ngit+https://example.invalid/x\n",
        "dependencies:\n  - python=3.11\n  - pip:\n    - git+https://example.invalid/x\n",
        "# How Hydra works\n\nWrite `_target_: os.system` there, or:\n\n```yaml\n_target_: os.system\n```\n- *x: [\n",
        "def f():\n    return {'_target_': 'os.system'}\n",
        "flavors: [sweet, sour]\n",
    ] {
        let report = report_of(text.as_bytes());
        assert_eq!(report.verdict, Verdict::NotAModel, "{text}: {report:#?}");
    }
}

#[test]
fn code_of_the_repository_k01_k05_k07_k14() {
    assert_raises(
        "hub.remote-code",
        Severity::Medium,
        &[
            r#"{"auto_map": {"AutoConfig": "configuration_x.XConfig"}}"#,
            r#"{"tokenizer_class": "X", "auto_map": {"AutoTokenizer": ["tokenization_x.X", null]}}"#,
            r#"{"model_type": "a", "vision_config": {"auto_map": {"AutoModel": "m.M"}}}"#,
            r#"{"image_processor_type": "X", "auto_map": {"AutoImageProcessor": "p.P"}}"#,
            r#"{"custom_pipelines": {"task": {"impl": "pipe.Pipe", "pt": ["AutoModel"]}}}"#,
            r#"{"\u0061uto_map": {"AutoModel": "m.M"}}"#,
        ],
    );
}

#[test]
fn code_of_another_repository_k02() {
    assert_raises(
        "hub.foreign-code",
        Severity::High,
        &[
            r#"{"auto_map": {"AutoModel": "someone/else--modeling_x.X"}}"#,
            r#"{"custom_pipelines": {"task": {"impl": "someone/else--pipe.Pipe"}}}"#,
        ],
    );
}

#[test]
fn attention_from_a_hub_repository_k03() {
    assert_raises(
        "hub.kernel-code",
        Severity::Critical,
        &[
            r#"{"model_type": "llama", "_attn_implementation_internal": "someone/kernel"}"#,
            r#"{"text_config": {"attn_implementation": {"a": 1}, "_attn_implementation": "someone/kernel:f"}}"#,
        ],
    );
}

#[test]
fn trust_that_a_file_gives_itself_k04() {
    assert_raises(
        "hub.trust-remote-code",
        Severity::High,
        &[
            r#"{"model_type": "a", "architectures": [], "text_config": {"trust_remote_code": true}}"#,
            r#"{"trust_remote_code": false, "code_revision": "abc"}"#,
        ],
    );
}

#[test]
fn modules_of_sentence_transformers_k11() {
    let modules = r#"[{"idx": 0, "name": "0", "path": "", "type": "own_module.Own"}]"#;
    assert_raises("hub.remote-code", Severity::Medium, &[modules]);
}

#[test]
fn templates_in_configurations() {
    let bad = "{{ ''['__cl' ~ 'ass__'] }}";
    assert_raises(
        "jinja.escape",
        Severity::Critical,
        &[
            &format!(r#"{{"chat_template": "{bad}"}}"#),
            &format!(
                r#"{{"chat_template": [{{"name": "default", "template": "x"}}, {{"name": "b", "template": "{bad}"}}]}}"#
            ),
        ],
    );
}

#[test]
fn indexes_that_climb_j24() {
    for place in ["../../x.bin", "/etc/hostname", "https://example.invalid/x", "C:\\\\x", "a/../../b"] {
        assert_raises("hub.path-escape", Severity::High, &[&format!(r#"{{"weight_map": {{"a": "{place}"}}}}"#)]);
    }
}

#[test]
fn keys_that_stand_twice_j18() {
    assert_raises("hub.duplicate-key", Severity::Medium, &[r#"{"tokenizer_class": "A", "x": {"y": 1, "y": 2}}"#]);
}

#[test]
fn callables_named_by_configurations_l05_l07() {
    assert_raises(
        "config.target",
        Severity::Critical,
        &[
            r#"{"model": {"_target_": "os.system", "command": "true"}}"#,
            "model:\n  encoder:\n    _target_: os.system\n    command: 'true'\n",
            "- a\n- {_target_: builtins.exec}\n",
            "_target_: torch.nn.modules.os.system\n",
            "_target_: nemo.collections.asr.os.system\n",
            "x: &x subprocess.run\nmodel:\n  _target_: *x\n",
        ],
    );
    assert_raises("config.target", Severity::High, &["_target_: colorsys.rgb_to_hsv\n", "_target_: ${oc.env:NAME}\n"]);
    assert_raises("config.target", Severity::Medium, &["_target_: modelscand_no_such_module.Net\n"]);
    assert_raises("config.target", Severity::Low, &["_target_: nemo.collections.asr.modelscand_no_such_class\n"]);
    let hidden = report_named("hparams.yaml", "\"\\x5ftarget_\": os.system\n");
    assert_eq!(severity_of(&hidden, "config.target"), Some(Severity::Critical), "{hidden:#?}");
}

#[test]
fn tags_that_make_python_objects_k15() {
    assert_raises(
        "yaml.python-tag",
        Severity::Critical,
        &[
            "a: !!python/object/apply:os.system ['true']\n",
            "a: !!python/name:os.system ''\n",
            "a: !<tag:yaml.org,2002:python/object/new:os.system> [x]\n",
            "%TAG !p! tag:yaml.org,2002:python/\n---\na: !p!object/apply:os.system ['true']\n",
        ],
    );
    let hidden = report_named("x.yaml", "a: !!%70ython/object/apply:os.system ['true']\n");
    assert_eq!(severity_of(&hidden, "yaml.python-tag"), Some(Severity::Critical), "{hidden:#?}");
    assert_clean("yaml", &["a: !!python/tuple [1, 2]\n"]);
}

const MLMODEL: &str = "artifact_path: file:///home/someone/mlruns/1/model
flavors:
  python_function:
    artifacts:
      weights: {path: artifacts/w.bin, uri: /data/w.bin}
    cloudpickle_version: 3.0.0
    env: {conda: conda.yaml, virtualenv: python_env.yaml}
    loader_module: mlflow.sklearn
    model_path: model.pkl
    python_version: 3.11.4
  sklearn:
    code: null
    pickled_model: model.pkl
    serialization_format: cloudpickle
mlflow_version: 2.17.0
signature:
  inputs: '[{\"type\": \"double\", \"required\": true}]'
utc_time_created: '2026-01-01 00:00:00.000000'
";

#[test]
fn an_honest_mlmodel_raises_nothing() {
    assert_clean("mlmodel", &[MLMODEL]);
}

#[test]
fn loaders_that_are_not_mlflows_l01() {
    let own = MLMODEL.replace("mlflow.sklearn", "modelscand_no_such_module");
    assert_raises("mlflow.loader-module", Severity::High, &[&own]);
}

#[test]
fn code_that_goes_with_the_model_l01_l03() {
    let code = MLMODEL.replace("code: null", "code: code");
    let from_code = format!("{MLMODEL}model_code_path: agent.py\n");
    assert_raises("mlflow.code", Severity::Medium, &[&code, &from_code]);
}

#[test]
fn models_outside_of_their_folder_l04() {
    for place in ["../../x.pkl", "/tmp/x.pkl", "http://example.invalid/x"] {
        let file = MLMODEL.replace("pickled_model: model.pkl", &format!("pickled_model: {place}"));
        assert_raises("mlflow.path-escape", Severity::High, &[&file]);
    }
}

#[test]
fn packages_from_elsewhere_l04() {
    let python_env =
        "python: 3.11.4\nbuild_dependencies:\n- pip==24.0\n- setuptools\ndependencies:\n- -r requirements.txt\n";
    let conda = "channels:\n- conda-forge\ndependencies:\n- python=3.11.4\n- pip<=24\n- pip:\n  - mlflow==2.17.0\n  - numpy==2.0\nname: mlflow-env\n";
    let requirements = "mlflow==2.17.0\nnumpy==2.0 # a note\n# file:///\n--extra-index-url https://download.pytorch.org/whl/cu118\npackage[extra]==1; python_version<'3'\n";
    assert_clean("mlflow-environment", &[python_env, conda, requirements]);
    for place in [
        "git+https://example.invalid/x",
        "x @ https://example.invalid/x.whl",
        "./x.whl",
        "/x.whl",
        "-e .",
        "--index-url https://example.invalid/simple",
        "--extra-index-url http://example.invalid",
        "x @ file:///x",
    ] {
        assert_raises("mlflow.foreign-dependency", Severity::Medium, &[&format!("{requirements}{place}\n")]);
    }
    assert_raises(
        "mlflow.foreign-dependency",
        Severity::Medium,
        &[
            &python_env.replace("-r requirements.txt", "git+ssh://example.invalid/x"),
            &conda.replace("numpy==2.0", "../numpy"),
        ],
    );
}

#[test]
fn anchors_are_not_expanded() {
    let mut text = String::from("_target_: &a0 x\nl0: &l0 [a]\n");
    for level in 1..40 {
        text.push_str(&format!("l{level}: &l{level} [{}]\n", vec![format!("*l{}", level - 1); 20].join(", ")));
    }
    assert_eq!(report_of(text.as_bytes()).formats, ["yaml"]);
    let deep = format!("_target_: x\na: {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    report_named("x.yaml", &deep);
    let json = format!(r#"{{"auto_map": {}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    assert_eq!(report_of(json.as_bytes()).verdict, Verdict::Unscannable);
}

const SEEDS: &[&str] = &[
    MLMODEL,
    r#"{"auto_map": {"AutoModel": "m.M"}, "chat_template": [{"name": "a", "template": "{{ x }}"}], "x": [NaN, 1e5, null]}"#,
    "a: &x !!python/tuple [1, *x]\n? {b: c}\n: _target_\n_target_: |\n  text\n",
];

proptest! {
    #[test]
    fn changed_files_never_panic(seed in 0_usize..3, at in 0_usize..2000, bytes in proptest::collection::vec(any::<u8>(), 1..8)) {
        let mut file = SEEDS[seed].as_bytes().to_vec();
        let at = at % file.len();
        let end = (at + bytes.len()).min(file.len());
        file[at..end].copy_from_slice(&bytes[..end - at]);
        report_named("x.yaml", &String::from_utf8_lossy(&file));
        report_of(&file);
    }

    #[test]
    fn arbitrary_yaml_never_panics(text in "[-a:&*!|>'\"{}\\[\\],? \n#%_]{0,80}") {
        report_named("x.yaml", &format!("_target_: x\n{text}"));
        report_of(format!("{{\"auto_map\": {text}}}").as_bytes());
    }
}
