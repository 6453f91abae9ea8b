//! Somebody who owns the folder swaps what is in it, as fast as he can, while we open, quarantine, restore and leave notes.
//!
//! As root the attacker is a thread with the rights of another user; as an ordinary user it is the same user, and the protected
//! file is his own. In every round: what is protected stays as it was, nothing of his is lost, and the bad file is out of reach at
//! the end, under whatever name.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::{Gid, Uid};

use crate::action::{Facts, To, Vault, open_for_scan};
use crate::caches::Origin;
use crate::store::{HoldState, Writer};

use super::world::{CONTENT, Where, World, is_root, record, report};

const ATTACKER: u32 = 65534;
const SECRET: &[u8] = b"root:secret";

/// Where the attacker works and what he is after.
struct Scene {
    world: World,
    rounds: usize,
    /// His folder, with `upper/dir/model.bin`.
    dir: PathBuf,
    model: PathBuf,
    /// Ours, with `model.bin` in it.
    protected: PathBuf,
}

const IDLE: u8 = 0;
const ATTACKING: u8 = 1;
const PAUSING: u8 = 2;
const LEAVING: u8 = 3;

/// Rounds of each attack; a copy to a disk costs many times a link in memory.
fn rounds(place: Where) -> usize {
    let rounds = std::env::var("MODELSCAND_TEST_ROUNDS").map_or(500, |rounds| rounds.parse().unwrap());
    if place == Where::SameFileSystem { rounds } else { rounds / 20 }
}

impl Scene {
    fn new(place: Where) -> Self {
        let world = World::in_memory(place);
        let dir = world.files.join("upper/dir");
        let protected = world.files.with_file_name("protected");
        fs::create_dir_all(&protected).unwrap();
        fs::write(protected.join("model.bin"), SECRET).unwrap();
        fs::set_permissions(protected.join("model.bin"), Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(world.files.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
        give(&world.files);
        Self { rounds: rounds(place), model: dir.join("model.bin"), dir, protected, world }
    }

    /// The attacker's folders with the bad file and a clean one, as they are before a round.
    fn set(&self) {
        for entry in fs::read_dir(&self.world.files).unwrap() {
            let path = entry.unwrap().path();
            let _ = fs::remove_dir_all(&path).or_else(|_| fs::remove_file(&path));
        }
        fs::create_dir_all(&self.dir).unwrap();
        fs::create_dir_all(self.world.files.join("other")).unwrap();
        self.world.bad_file("upper/dir/model.bin");
        for clean in ["upper/dir/clean", "other/model.bin"] {
            fs::write(self.world.files.join(clean), "clean").unwrap();
        }
        fs::hard_link(self.protected.join("model.bin"), self.dir.join("hard")).unwrap();
        for path in ["upper", "upper/dir", "other", "upper/dir/model.bin", "upper/dir/clean", "other/model.bin"] {
            give(&self.world.files.join(path));
        }
    }

    fn assert_protected(&self) {
        let names: Vec<_> = fs::read_dir(&self.protected).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["model.bin"]);
        let path = self.protected.join("model.bin");
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert_eq!((metadata.mode(), metadata.uid()), (0o100_600, rustix::process::geteuid().as_raw()));
        assert_eq!(fs::read(path).unwrap(), SECRET);
        assert_eq!(metadata.nlink(), 2, "the attacker's link to it is his to keep");
    }

    /// What was swapped in and is not the bad file is never lost.
    fn assert_clean_files_are_there(&self) {
        let is_clean = |path: &Path| fs::read(path).is_ok_and(|content| content == b"clean");
        let found = walk(&self.world.files);
        let count = found.iter().filter(|(path, metadata)| metadata.is_file() && is_clean(path)).count();
        assert!(count >= 2, "a clean file is gone: {:?}", found.keys());
    }

    /// Whatever the attacker did to it, the inode is out of reach wherever a name of it is left.
    fn assert_out_of_reach(&self, inode: u64) {
        let device = fs::metadata(&self.world.files).unwrap().dev();
        for (path, metadata) in walk(&self.world.files) {
            if metadata.ino() == inode && metadata.dev() == device && metadata.is_file() {
                assert_eq!(metadata.mode() & 0o7777, 0, "{}", path.display());
                assert_eq!(metadata.uid(), rustix::process::geteuid().as_raw());
            }
        }
    }

    /// Runs `round` again and again while `attack` runs against it.
    fn run(&self, attack: impl Fn(&Self) + Sync, mut round: impl FnMut(&Self, &Vault, &mut Writer) -> bool) {
        let (vault, mut writer) = (self.world.vault(), self.world.writer());
        let phase = AtomicU8::new(IDLE);
        let mut acted = 0;
        thread::scope(|scope| {
            scope.spawn(|| attacker(self, &phase, &attack));
            let _leave = Leave(&phase);
            for _ in 0..self.rounds {
                self.set();
                phase.store(ATTACKING, Ordering::SeqCst);
                acted += usize::from(round(self, &vault, &mut writer));
                phase.store(PAUSING, Ordering::SeqCst);
                while phase.load(Ordering::SeqCst) != IDLE {
                    thread::yield_now();
                }
                self.assert_protected();
                self.assert_clean_files_are_there();
                for hold in writer.holds().unwrap() {
                    self.assert_out_of_reach(hold.identity.inode);
                }
                assert!(writer.unfinished().unwrap().is_empty());
                self.catch_at_last(&vault, &mut writer);
            }
        });
        assert!(acted > self.rounds / 100, "only {acted} of {} rounds came to an act", self.rounds);
    }

    /// With the attacker gone, what is still in reach is caught; then the vault is emptied.
    fn catch_at_last(&self, vault: &Vault, writer: &mut Writer) {
        for (path, metadata) in walk(&self.world.files) {
            if metadata.is_file() && metadata.mode() & 0o777 != 0 && fs::read(&path).unwrap() == CONTENT {
                assert!(quarantine(vault, writer, &path), "{} was left in reach", path.display());
            }
        }
        for hold in writer.holds().unwrap() {
            vault.delete(writer, hold.id).unwrap();
        }
        let left = self.world.kept();
        assert!(left.iter().all(|name| name.ends_with(".displaced")), "{left:?}");
    }
}

/// Ends the attack, also when an assertion fails.
struct Leave<'a>(&'a AtomicU8);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.store(LEAVING, Ordering::SeqCst);
    }
}

fn attacker(scene: &Scene, phase: &AtomicU8, attack: &impl Fn(&Scene)) {
    if is_root() {
        let (uid, gid) = (Uid::from_raw(ATTACKER), Gid::from_raw(ATTACKER));
        rustix::thread::set_thread_groups(&[]).unwrap();
        rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
        rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
    }
    loop {
        match phase.load(Ordering::SeqCst) {
            ATTACKING => attack(scene),
            PAUSING => drop(phase.compare_exchange(PAUSING, IDLE, Ordering::SeqCst, Ordering::SeqCst)),
            LEAVING => return,
            _ => thread::yield_now(),
        }
    }
}

fn give(path: &Path) {
    if is_root() {
        chown(path, Some(ATTACKER), Some(ATTACKER)).unwrap();
    }
}

fn walk(folder: &Path) -> BTreeMap<PathBuf, fs::Metadata> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            found.extend(walk(&path));
        }
        found.insert(path, metadata);
    }
    found
}

fn quarantine(vault: &Vault, writer: &mut Writer, path: &Path) -> bool {
    let Ok(opened) = open_for_scan(path) else { return false };
    let mut content = vec![0; CONTENT.len()];
    let is_bad = std::os::unix::fs::FileExt::read_exact_at(&opened.file, &mut content, 0).is_ok() && content == CONTENT;
    if !is_bad {
        return false;
    }
    let scan = record(writer, &opened);
    let facts = Facts { scan, report: &report(), origin: &Origin::folder(), names: &[] };
    match vault.quarantine(writer, &opened, &facts) {
        Ok(done) => {
            assert_eq!(writer.hold(done.id).unwrap().state, HoldState::Held);
            assert_eq!(opened.file.metadata().unwrap().mode() & 0o7777, 0);
            true
        }
        Err(_) => false,
    }
}

fn quarantine_under(place: Where, attack: impl Fn(&Scene) + Sync) {
    Scene::new(place).run(attack, |scene, vault, writer| quarantine(vault, writer, &scene.model));
}

/// Moves a path aside, puts something in its place, and everything back.
fn swap(path: &Path, put: impl Fn(&Path), take: impl Fn(&Path)) {
    let aside = path.with_extension("aside");
    if fs::rename(path, &aside).is_ok() {
        put(path);
        thread::yield_now();
        take(path);
        let _ = fs::rename(&aside, path);
    }
}

fn swap_for_link(path: &Path, target: &Path) {
    swap(path, |path| drop(symlink(target, path)), |path| drop(fs::remove_file(path)));
}

fn exchange(one: &Path, other: &Path) {
    let _ = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
}

const PLACES: [Where; 2] = [Where::SameFileSystem, Where::OtherFileSystem];

#[test]
fn the_file_is_swapped_for_a_link_to_a_protected_file() {
    for place in PLACES {
        quarantine_under(place, |scene| swap_for_link(&scene.model, &scene.protected.join("model.bin")));
    }
}

#[test]
fn its_folder_is_swapped_for_a_link_to_a_protected_folder() {
    for place in PLACES {
        quarantine_under(place, |scene| swap_for_link(&scene.dir, &scene.protected));
    }
}

#[test]
fn an_upper_folder_is_swapped_for_a_link() {
    for place in PLACES {
        quarantine_under(place, |scene| swap_for_link(scene.dir.parent().unwrap(), &scene.protected));
    }
}

#[test]
fn its_folder_is_exchanged_with_another_real_folder() {
    for place in PLACES {
        quarantine_under(place, |scene| exchange(&scene.dir, &scene.world.files.join("other")));
    }
}

#[test]
fn a_clean_file_is_renamed_over_it() {
    for place in PLACES {
        quarantine_under(place, |scene| {
            let fresh = scene.dir.join("fresh");
            let _ = fs::rename(&scene.model, scene.dir.join("bad"));
            let _ = fs::write(&fresh, "clean");
            let _ = fs::rename(&fresh, &scene.model);
            let _ = fs::rename(scene.dir.join("bad"), &scene.model);
        });
    }
}

#[test]
fn it_is_exchanged_with_a_clean_file_at_full_speed() {
    for place in PLACES {
        quarantine_under(place, |scene| exchange(&scene.model, &scene.dir.join("clean")));
    }
}

#[test]
fn it_is_exchanged_with_a_hard_link_to_a_protected_file() {
    for place in PLACES {
        quarantine_under(place, |scene| exchange(&scene.model, &scene.dir.join("hard")));
    }
}

#[test]
fn it_gets_new_hard_links_all_the_time() {
    for place in PLACES {
        Scene::new(place).run(
            |scene| {
                let _ = fs::hard_link(&scene.model, scene.dir.join("again"));
                let _ = fs::rename(scene.dir.join("again"), scene.world.files.join("other/again"));
            },
            |scene, vault, writer| quarantine(vault, writer, &scene.model),
        );
    }
}

#[test]
fn the_place_of_a_restore_is_planted_with_links_folders_and_files() {
    for place in PLACES {
        Scene::new(place).run(
            |scene| {
                let (model, note) = (&scene.model, scene.dir.join("model.bin.quarantined.txt"));
                if symlink(scene.protected.join("new"), model).is_err() {
                    return;
                }
                let _ = symlink(scene.protected.join("note"), &note);
                let _ = fs::remove_file(model);
                let _ = fs::create_dir(model);
                let _ = fs::remove_dir(model);
                let _ = fs::remove_file(&note);
                swap_for_link(&scene.dir, &scene.protected);
            },
            |scene, vault, writer| {
                let acted = quarantine(vault, writer, &scene.model);
                let Some(hold) = writer.holds().unwrap().pop() else { return acted };
                let how = crate::action::Restore { to: To::OriginalPlace, allow: None };
                let expected = match vault.restore(writer, hold.id, &how) {
                    Ok(_) => HoldState::Restored,
                    Err(_) => HoldState::Held,
                };
                assert_eq!(writer.hold(hold.id).unwrap().state, expected);
                acted
            },
        );
    }
}

#[test]
fn a_file_that_appears_during_a_restore_is_not_overwritten() {
    let (is_restoring, has_linked, round) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    Scene::new(Where::SameFileSystem).run(
        |scene| {
            if is_restoring.swap(false, Ordering::SeqCst) {
                let delay = Duration::from_micros(round.load(Ordering::SeqCst) * 7919 % 1500);
                let begun = Instant::now();
                while begun.elapsed() < delay {
                    std::hint::spin_loop();
                }
                let linked = fs::hard_link(scene.dir.join("clean"), &scene.model);
                has_linked.store(linked.is_ok(), Ordering::SeqCst);
            }
        },
        |scene, vault, writer| {
            round.fetch_add(1, Ordering::SeqCst);
            has_linked.store(false, Ordering::SeqCst);
            assert!(quarantine(vault, writer, &scene.model));
            let id = writer.holds().unwrap().pop().unwrap().id;
            is_restoring.store(true, Ordering::SeqCst);
            let how = crate::action::Restore { to: To::OriginalPlace, allow: None };
            let is_restored = vault.restore(writer, id, &how).is_ok();
            let is_clean = fs::read(&scene.model).unwrap() == b"clean";
            assert_ne!(is_clean, is_restored, "one of the two is at the place, and told so");
            while is_restoring.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            assert!(!(is_restored && has_linked.load(Ordering::SeqCst)), "the other file was overwritten");
            true
        },
    );
}
