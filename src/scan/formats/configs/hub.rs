//! JSON files of hub repositories: `config.json`, `tokenizer_config.json`, `adapter_config.json`, indexes of weights, ...
//!
//! `transformers` loads Python modules that such a file names, from the same repository or from another, when remote code is
//! allowed; some loaders never asked (CVE-2025-66448, CVE-2026-4372).

use std::io;
use std::rc::Rc;

use super::{
    Entry, Finding, Format, Input, Probe, Rule, RuleInfo, Scan, Severity, Value, beginning, climbs, has_key,
    is_elsewhere, json, target,
};
use crate::scan::Stop;
use crate::scan::formats::jinja;

const REMOTE_CODE: Rule = Rule::new("hub.remote-code");
const FOREIGN_CODE: Rule = Rule::new("hub.foreign-code");
const TRUST: Rule = Rule::new("hub.trust-remote-code");
const KERNEL: Rule = Rule::new("hub.kernel-code");
const PATH_ESCAPE: Rule = Rule::new("hub.path-escape");
const DUPLICATE_KEY: Rule = Rule::new("hub.duplicate-key");

/// Configuration files of hub repositories.
pub static HUB: Format = Format {
    name: "hub-config",
    title: "configuration of a hub repository",
    recognised_by: "a JSON object with keys that only such files have (`auto_map`, `weight_map`, `peft_type`, ...)",
    looks_for: "code that it has loaded, from this repository or another; paths that leave it; chat templates; `_target_`",
    rules: &[
        RuleInfo {
            rule: REMOTE_CODE,
            severity: Severity::Medium,
            summary: "The configuration names a Python module of its repository that is run when remote code is allowed",
        },
        RuleInfo {
            rule: FOREIGN_CODE,
            severity: Severity::High,
            summary: "The configuration names a Python module of another repository, whose owner can change it any time",
        },
        RuleInfo {
            rule: TRUST,
            severity: Severity::High,
            summary: "The configuration itself says that remote code is to be trusted, which is for its user to say",
        },
        RuleInfo {
            rule: KERNEL,
            severity: Severity::Critical,
            summary: "The attention is loaded as native code from a hub repository, without a question (CVE-2026-4372)",
        },
        RuleInfo {
            rule: PATH_ESCAPE,
            severity: Severity::High,
            summary: "The index of weights names a file outside of the repository",
        },
        RuleInfo {
            rule: DUPLICATE_KEY,
            severity: Severity::Medium,
            summary: "A key stands twice in one object: readers differ in which one counts",
        },
        target::RULE,
    ],
    recognise,
    scan,
};

/// Any of these keys makes a JSON object a file of a hub repository.
const KEYS: &[&str] = &[
    "\"auto_map",
    "\"tokenizer_class",
    "\"chat_template",
    "\"weight_map",
    "\"peft_type",
    "\"_diffusers_version",
    "\"transformers_version",
    "\"trust_remote_code",
    "attn_implementation",
    "attn_implementation_internal",
    "\"_target_",
    "\"custom_pipelines",
    "\"image_processor_type",
    "\"feature_extractor_type",
    "\"processor_class",
];

fn recognise(probe: &Probe<'_>) -> io::Result<bool> {
    let head = probe.head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(probe.head).trim_ascii_start();
    if !head.starts_with(b"{") && !head.starts_with(b"[") {
        return Ok(false);
    }
    let Some(text) = beginning(probe)? else { return Ok(false) };
    if head.starts_with(b"[") {
        return Ok(["\"idx", "\"path", "\"type"].iter().all(|key| has_key(&text, key)));
    }
    let is_model = ["\"model_type", "\"architectures"].iter().all(|key| has_key(&text, key));
    Ok(is_model || hides_letters(&text) || KEYS.iter().any(|key| has_key(&text, key)))
}

/// Whether an ASCII letter or underscore is written as an escape, which no writer of JSON does and which hides a key.
fn hides_letters(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b"\\u00").any(|at| {
        let code = text.get(at + 4..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        code.is_some_and(|code| code == b'_' || code.is_ascii_alphabetic())
    })
}

fn scan(scan: &mut Scan<'_>, input: &Input) -> Result<(), Stop> {
    let is_list = input.bytes_at(0, 4096)?.trim_ascii_start().starts_with(b"[");
    let mut templates = 0;
    let duplicates = json::walk(input, &mut |entry| {
        judge(scan, input, entry);
        target::judge(scan, input, entry);
        if is_list {
            judge_module(scan, input, entry);
        }
        if let Some(text) = template_of(entry) {
            templates += 1;
            let name = if templates == 1 { "chat_template".to_owned() } else { format!("chat_template {templates}") };
            let text = text.get(..text.floor_char_boundary(jinja::MAX_TEMPLATE_BYTES + 1)).unwrap_or(text);
            scan.member_as(&jinja::FORMAT, &input.derived(&name, Rc::new(text.as_bytes().to_vec())));
        }
    })?;
    for key in duplicates {
        let message = "A key stands twice in one object: readers differ in which one counts";
        scan.finding(input, Finding::new(DUPLICATE_KEY, Severity::Medium, message).evidence(key));
    }
    Ok(())
}

fn template_of<'a>(entry: &Entry<'a>) -> Option<&'a str> {
    let is_name = entry.key() == "name";
    entry.text().filter(|_| entry.is_under("chat_template") && !is_name)
}

fn judge(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>) {
    let key = entry.key();
    if let Some(text) = entry.text() {
        let is_impl = key == "impl" && entry.is_under("custom_pipelines");
        if entry.is_under("auto_map") || is_impl || matches!(key, "custom_pipeline" | "custom_generate") {
            judge_code(scan, input, entry, text);
        } else if key.contains("attn_implementation") && text.contains('/') {
            let message =
                "The attention is loaded as native code from a hub repository, without a question (CVE-2026-4372)";
            entry.report(scan, input, KERNEL, Severity::Critical, message);
        } else if entry.is_under("weight_map") && (climbs(text) || is_elsewhere(text)) {
            let message = "The index of weights names a file outside of the repository";
            entry.report(scan, input, PATH_ESCAPE, Severity::High, message);
        } else if key == "parent_library" && entry.is_under("auto_mapping") {
            judge_library(scan, input, entry, text);
        }
    }
    let is_switch = key == "trust_remote_code" && entry.value == Value::True;
    if is_switch || key == "code_revision" && entry.text().is_some() {
        let message = "The configuration itself says that remote code is to be trusted, which is for its user to say";
        entry.report(scan, input, TRUST, Severity::High, message);
    }
}

/// `module.Class` is of this repository, `owner/name--module.Class` of another.
fn judge_code(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>, text: &str) {
    if text.contains("--") {
        let message =
            "The configuration names a Python module of another repository, whose owner can change it any time";
        entry.report(scan, input, FOREIGN_CODE, Severity::High, message);
    } else {
        let message =
            "The configuration names a Python module of its repository that is run when remote code is allowed";
        entry.report(scan, input, REMOTE_CODE, Severity::Medium, message);
    }
}

/// PEFT imports the library that an adapter names for the class of its base model.
fn judge_library(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>, text: &str) {
    let known = ["transformers", "diffusers", "peft", "sentence_transformers", "torch", "timm"];
    if !known.contains(&text.split('.').next().unwrap_or_default()) {
        entry.report(scan, input, REMOTE_CODE, Severity::Medium, "The adapter names a Python module that PEFT imports");
    }
}

/// `modules.json` of sentence-transformers: the class of each step, which is imported.
fn judge_module(scan: &mut Scan<'_>, input: &Input, entry: &Entry<'_>) {
    let Some(text) = entry.text().filter(|_| entry.keys.len() == 1) else { return };
    if entry.key() == "type" && !text.starts_with("sentence_transformers.") {
        judge_code(scan, input, entry, text);
    } else if entry.key() == "path" && (climbs(text) || is_elsewhere(text)) {
        entry.report(scan, input, PATH_ESCAPE, Severity::High, "A step of the model lies outside of the repository");
    }
}
