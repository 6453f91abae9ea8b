use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use crate::config::Decision;
use crate::identity::Identity;
use crate::report::Verdict;
use crate::store::{
    AllowSubject, Attributes, Counts, Filter, HoldKind, HoldState, NewAllow, NewHold, ScanId, Sha256, StoreError,
    Writer,
};

use super::{State, finding, hub, identity, scan};

fn ids(state: &State, filter: &Filter) -> Vec<i64> {
    state.reader().history(filter).unwrap().into_iter().map(|summary| summary.id.0).collect()
}

#[test]
fn everything_about_a_scan_comes_back_as_it_was_recorded() {
    let state = State::new();
    let new = scan("/m/model.bin", 1, Verdict::Malicious);
    let id = state.writer().record(&new).unwrap().scan;
    let detail = state.reader().scan(id).unwrap().unwrap();
    assert_eq!(detail.findings, [finding()]);
    assert_eq!(
        (detail.identity, detail.bytes_read, detail.duration_us, detail.findings_dropped),
        (new.identity, 4096, 1234, 3)
    );
    assert_eq!((detail.engine.as_str(), detail.rules.as_str()), ("1", "2026-11-22"));
    let summary = detail.summary;
    assert_eq!((summary.path, summary.verdict, summary.coverage), (new.path, new.report.verdict, new.report.coverage));
    assert_eq!(
        (summary.started_at, summary.decision, summary.formats),
        (new.started_at, new.decision, new.report.formats)
    );
    assert_eq!(state.reader().scan(ScanId(99)).unwrap(), None);
}

#[test]
fn json_speaks_the_words_of_the_design() {
    let state = State::new();
    let id = state.writer().record(&scan("/m/model.bin", 1, Verdict::Malicious)).unwrap().scan;
    let json = serde_json::to_value(state.reader().scan(id).unwrap().unwrap()).unwrap();
    assert_eq!(json["verdict"], "malicious");
    assert_eq!(json["coverage"]["state"], "complete");
    assert_eq!(json["findings"][0]["rule"], "pickle.dangerous-call");
    assert_eq!(json["findings"][0]["severity"], "critical");
    assert_eq!(json["severity"], "critical");
    assert_eq!(json["decision"], "quarantine");
    assert_eq!(json["path"], "/m/model.bin");
    assert!(json.get("path_hex").is_none());
}

#[test]
fn a_path_of_any_bytes_is_kept_whole_and_printed_safely() {
    let state = State::new();
    let path = Path::new(OsStr::from_bytes(b"/m/\xff\n\x1b[31m.bin"));
    let id = state.writer().record(&scan(path, 1, Verdict::Clean)).unwrap().scan;
    let summary = state.reader().scan(id).unwrap().unwrap().summary;
    assert_eq!(summary.path, path);
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["path"], "/m/\u{fffd}\\n\\u{1b}[31m.bin");
    assert_eq!(json["path_hex"], "2f6d2fff0a1b5b33316d2e62696e");
}

#[test]
fn an_unchanged_file_is_known_also_after_a_restart_until_engine_or_rules_change() {
    let state = State::new();
    let new = scan("/m/a", 1, Verdict::Clean);
    let id = state.writer().record(&new).unwrap().scan;
    let writer = state.writer();
    let known = writer.known(&new.identity, "1", "2026-11-22").unwrap().unwrap();
    assert_eq!((known.scan, known.verdict, known.decision), (id, Verdict::Clean, Decision::Allow));
    assert_eq!(writer.known(&new.identity, "2", "2026-11-22").unwrap(), None);
    assert_eq!(writer.known(&new.identity, "1", "2026-11-23").unwrap(), None);
    let changes: [fn(&mut Identity); 4] =
        [|i| i.size += 1, |i| i.mtime_ns += 1, |i| i.ctime_ns += 1, |i| i.device -= 1];
    for change in changes {
        let mut changed = new.identity;
        change(&mut changed);
        assert_eq!(writer.known(&changed, "1", "2026-11-22").unwrap(), None);
    }
}

#[test]
fn counts_are_of_the_latest_scan_of_each_file_that_is_there() {
    let state = State::new();
    let mut writer = state.writer();
    let verdicts = [Verdict::Clean, Verdict::Suspicious, Verdict::Malicious, Verdict::Unscannable, Verdict::NotAModel];
    let scans: Vec<_> = verdicts.iter().zip(1..).map(|(verdict, n)| scan(format!("/m/{n}"), n, *verdict)).collect();
    writer.record_many(&scans).unwrap();
    writer.record(&scan("/m/2", 2, Verdict::Clean)).unwrap();
    writer.file_gone(Path::new("/m/5")).unwrap();
    let counts = state.reader().counts().unwrap();
    let expected = Counts { files: 4, clean: 2, malicious: 1, unscannable: 1, scans: 6, ..Counts::default() };
    assert_eq!(counts, expected);
}

#[test]
fn the_history_is_filtered_by_time_verdict_path_and_repository() {
    let state = State::new();
    let mut writer = state.writer();
    let mut old = scan("/m/old.bin", 1, Verdict::Malicious);
    old.started_at = Timestamp::now() - SignedDuration::from_hours(72);
    let mut blob = scan("/hub/blobs/etag", 2, Verdict::Malicious);
    blob.origin = hub("org/name", "main", "");
    writer.record_many(&[old, blob, scan("/m/sub/new.bin", 3, Verdict::Clean)]).unwrap();
    let link = PathBuf::from("/hub/snapshots/0a/pytorch_model.bin");
    writer.add_name(Path::new("/hub/blobs/etag"), &link, &hub("org/other", "0a", "pytorch_model.bin")).unwrap();

    let all = Filter::default();
    assert_eq!(ids(&state, &all), [3, 2, 1]);
    assert_eq!(ids(&state, &Filter { limit: 2, ..all.clone() }), [3, 2]);
    let since = Some(Timestamp::now() - SignedDuration::from_hours(48));
    assert_eq!(ids(&state, &Filter { since, ..all.clone() }), [3, 2]);
    assert_eq!(ids(&state, &Filter { verdict: Some(Verdict::Malicious), ..all.clone() }), [2, 1]);
    let glob = |glob: &str| Filter { path_glob: Some(glob.into()), ..Filter::default() };
    assert_eq!(ids(&state, &glob("*.bin")), [3, 2, 1], "a name counts as the path");
    assert_eq!(ids(&state, &glob("/m/*.bin")), [1]);
    assert_eq!(ids(&state, &glob("/m/**")), [3, 1]);
    let repository = |name: &str| Filter { repository: Some(name.into()), ..Filter::default() };
    assert_eq!(ids(&state, &repository("org/name")), [2]);
    assert_eq!(ids(&state, &repository("org/other")), [2]);
    assert_eq!(ids(&state, &repository("org/none")), Vec::<i64>::new());
    let names = state.reader().history(&repository("org/other")).unwrap().remove(0).names;
    assert_eq!((names[0].path.clone(), names[0].origin.name.as_deref()), (link, Some("pytorch_model.bin")));
    assert!(matches!(state.reader().history(&glob("[")), Err(StoreError::NotFound(_))));
}

#[test]
fn the_same_content_that_arrives_again_is_one_incident() {
    let state = State::new();
    let mut writer = state.writer();
    let times = |recorded: super::super::Recorded| recorded.incident.map(|incident| (incident.id, incident.times));
    let bad = |path: &str, inode, hash| super::NewScan { sha256: hash, ..scan(path, inode, Verdict::Malicious) };
    assert_eq!(times(writer.record(&bad("/hub/blobs/e", 1, None)).unwrap()), Some((1, 1)));
    assert_eq!(times(writer.record(&bad("/hub/blobs/e", 1, None)).unwrap()), Some((1, 1)), "only scanned again");
    assert_eq!(times(writer.record(&bad("/hub/blobs/e", 2, None)).unwrap()), Some((1, 2)), "downloaded again");
    let hash = Some(Sha256([7; 32]));
    assert_eq!(times(writer.record(&bad("/m/copy", 3, hash)).unwrap()), Some((2, 1)));
    assert_eq!(times(writer.record(&bad("/m/other", 4, hash)).unwrap()), Some((2, 2)), "the same content elsewhere");
    assert_eq!(times(writer.record(&scan("/m/fine", 5, Verdict::Clean)).unwrap()), None);
}

#[test]
fn allow_entries_hold_until_they_end_and_stay_in_the_history() {
    let state = State::new();
    let mut writer = state.writer();
    let hash = Sha256([1; 32]);
    let entry = |subject, hours: i64| NewAllow {
        subject,
        reason: "made by us".into(),
        author_uid: 1000,
        author: "ada".into(),
        expires_at: Some(Timestamp::now() + SignedDuration::from_hours(hours)),
    };
    let file = AllowSubject::Sha256(hash);
    writer.allow(&entry(AllowSubject::Callable("a.b".into()), -1)).unwrap();
    assert!(writer.allow_list().unwrap().is_empty(), "its end is past");
    writer.allow(&entry(file.clone(), 1)).unwrap();
    writer.allow(&entry(file.clone(), 2)).unwrap();
    assert_eq!(writer.allowed(hash).unwrap().as_deref(), Some("made by us"));
    assert_eq!(writer.allow_list().unwrap().len(), 1, "a new entry takes the place of the old one");
    let new = super::NewScan { sha256: Some(hash), ..scan("/m/a", 1, Verdict::Malicious) };
    writer.record(&new).unwrap();
    assert!(writer.disallow(&file).unwrap());
    assert!(!writer.disallow(&file).unwrap());
    assert_eq!(writer.allowed(hash).unwrap(), None);
    assert_eq!(writer.known(&identity(1), "1", "2026-11-22").unwrap(), None, "it is scanned again");
    assert_eq!(state.reader().allow_list(true).unwrap().len(), 3);
}

fn hold(writer: &mut Writer, scan: ScanId) -> crate::store::HoldId {
    let attributes = Attributes { mode: 0o640, xattrs: vec![(b"user.a".into(), b"b".into())], ..Attributes::default() };
    let token = format!("token{scan}");
    let (path, identity) = (PathBuf::from("/m/a"), identity(1));
    writer.begin_hold(&NewHold { scan, kind: HoldKind::Quarantine, path, identity, attributes, token }).unwrap()
}

#[test]
fn pruning_forgets_old_scans_but_nothing_that_is_there_or_held() {
    let state = State::new();
    let mut writer = state.writer();
    let old = |path: &str, n| {
        let started_at = Timestamp::now() - SignedDuration::from_hours(24 * 400);
        super::NewScan { started_at, ..scan(path, n, Verdict::Malicious) }
    };
    writer
        .record_many(&[old("/m/a", 1), old("/m/gone", 2), old("/m/there", 3), old("/m/held", 4), old("/m/there", 3)])
        .unwrap();
    for gone in ["/m/a", "/m/gone", "/m/held"] {
        writer.file_gone(Path::new(gone)).unwrap();
    }
    let id = hold(&mut writer, ScanId(4));
    writer.hold_taken(id, None, "").unwrap();
    let ended = hold(&mut writer, ScanId(1));
    writer.hold_failed(ended, "a full disk").unwrap();
    assert_eq!(writer.prune(0).unwrap(), 0);
    assert_eq!(writer.prune(365).unwrap(), 3);
    assert_eq!(ids(&state, &Filter::default()), [5, 4]);
    assert_eq!(writer.hold(id).unwrap().state, HoldState::Held);
}

#[test]
fn an_act_that_was_not_finished_is_found_again() {
    let state = State::new();
    let scan = state.writer().record(&scan("/m/a", 1, Verdict::Malicious)).unwrap().scan;
    let id = hold(&mut state.writer(), scan);
    let mut writer = state.writer();
    let found = writer.unfinished().unwrap().remove(0);
    assert_eq!((found.id, found.state, found.attributes.mode), (id, HoldState::Taking, 0o640));
    assert_eq!(found.attributes.xattrs, [(b"user.a".to_vec(), b"b".to_vec())]);
    assert_eq!(found.rules_found, ["pickle.dangerous-call"]);
    writer.hold_taken(id, Some(Sha256([9; 32])), "a remark").unwrap();
    assert!(writer.unfinished().unwrap().is_empty());
    assert_eq!(state.reader().scan(scan).unwrap().unwrap().sha256, Some(Sha256([9; 32])));
    writer.begin_restore(id, Path::new("/m/b")).unwrap();
    assert!(matches!(writer.begin_restore(id, Path::new("/m/b")), Err(StoreError::NotFound(_))));
    writer.restore_failed(id, "no space").unwrap();
    assert_eq!(state.reader().counts().unwrap().quarantined, 1);
}

#[test]
fn files_to_scan_are_remembered_until_they_are_done() {
    let state = State::new();
    let paths = [Path::new("/m/a"), Path::new("/m/b")];
    state.writer().pending_add(paths).unwrap();
    state.writer().pending_add(paths).unwrap();
    let mut writer = state.writer();
    assert_eq!(writer.pending(10).unwrap(), paths);
    writer.pending_done([paths[0]]).unwrap();
    assert_eq!(writer.pending(10).unwrap(), [paths[1]]);
}

#[test]
fn what_an_entry_let_through_is_scanned_again_when_the_entry_comes_to_its_end() {
    let state = State::new();
    let mut writer = state.writer();
    let hash = Sha256([1; 32]);
    let new = super::NewScan { sha256: Some(hash), ..scan("/m/a", 1, Verdict::Malicious) };
    let mut entry = NewAllow {
        subject: AllowSubject::Sha256(hash),
        reason: "for a week".into(),
        author_uid: 1000,
        author: "ada".into(),
        expires_at: Some(Timestamp::now() + SignedDuration::from_hours(1)),
    };
    writer.allow(&entry).unwrap();
    writer.record(&new).unwrap();
    assert_eq!(writer.end_expired().unwrap(), 0);
    assert!(writer.known(&new.identity, &new.engine, &new.rules).unwrap().is_some());
    entry.expires_at = Some(Timestamp::now() - SignedDuration::from_secs(1));
    writer.allow(&entry).unwrap();
    writer.record(&new).unwrap();
    assert_eq!(writer.end_expired().unwrap(), 1);
    assert!(writer.known(&new.identity, &new.engine, &new.rules).unwrap().is_none());
    assert_eq!(writer.end_expired().unwrap(), 0);
    assert_eq!(state.reader().allow_list(true).unwrap().len(), 2, "both stay in the history");
}
