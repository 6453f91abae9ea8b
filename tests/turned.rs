//! The daemon cannot be turned against its owner: the real daemon as root, and an ordinary user who swaps what he can in a tight loop.
//!
//! After each attack nothing that is protected has changed, moved or become readable, and what is bad is out of reach. Needs root, and
//! says so where there is none: an ordinary user's daemon has no power that could be turned. `MODELSCAND_TEST_ROUNDS` is the number of
//! rounds of each attack; 100000 takes minutes.
//!
//! 1. Swaps between scan and act.   2. What is planted.   3. Names.   4. Mounts.

mod support;

use std::ffi::OsStr;
use std::fs::{self, Metadata, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, RenameFlags, mknodat, renameat_with};
use rustix::process::{Gid, Uid};
use support::{ATTACK, Daemon, Home, text};

const ATTACKER: u32 = 65534;
const SECRET: &[u8] = b"root:secret";
const CLEAN: &[u8] = b"clean";
/// How long the daemon may take to catch what is left when the attack is over; it pauses before what kept changing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The attacker's folders, which are watched, and what he is after.
struct Scene {
    home: Home,
    /// `upper/dir/model.bin` is the bad file.
    upper: PathBuf,
    dir: PathBuf,
    model: PathBuf,
    protected: PathBuf,
    before: Vec<Look>,
}

/// Everything of a protected file that must stay.
#[derive(Debug, PartialEq, Eq)]
struct Look {
    path: PathBuf,
    content: Option<Vec<u8>>,
    inode: u64,
    /// The attacker's links to it are counted here: none of them is ours to take.
    links: u64,
    mode: u32,
    owner: (u32, u32),
    mtime_ns: (i64, i64),
}

fn rounds() -> usize {
    std::env::var("MODELSCAND_TEST_ROUNDS").map_or(1000, |rounds| rounds.parse().expect("a number of rounds"))
}

impl Scene {
    /// None when this is not root.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("not shown here: the daemon has to be root, and its attacker somebody else");
            return None;
        }
        let home = Home::in_memory();
        fs::set_permissions(home.path(""), Permissions::from_mode(0o711)).unwrap();
        let upper = home.path("watched/upper");
        let dir = upper.join("dir");
        fs::create_dir_all(&dir).unwrap();
        fs::create_dir_all(home.path("watched/other")).unwrap();
        let protected = home.path("protected");
        fs::create_dir(&protected).unwrap();
        for name in ["model.bin", "model.bin.quarantined.txt"] {
            fs::write(protected.join(name), SECRET).unwrap();
            fs::set_permissions(protected.join(name), Permissions::from_mode(0o600)).unwrap();
        }
        // Where the system does not keep users from it, the attacker makes such a link by himself.
        fs::hard_link(protected.join("model.bin"), dir.join("hard")).unwrap();
        for path in ["watched", "watched/upper", "watched/upper/dir", "watched/other"] {
            chown(home.path(path), Some(ATTACKER), Some(ATTACKER)).unwrap();
        }
        let model = dir.join("model.bin");
        let before = looks_below(&protected);
        Some(Self { home, upper, dir, model, protected, before })
    }

    /// Runs the daemon and, against it, `attack` as the attacker, again and again; then looks at what came of it.
    fn run(&self, attack: impl Fn(&Self, usize) + Sync) {
        let daemon = self.home.watch([self.home.path("watched")]);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                become_the_attacker();
                (0..rounds()).for_each(|round| attack(self, round));
            });
        });
        self.put_everything_in_its_place();
        self.assert_protected();
        self.assert_caught(&daemon);
        self.assert_protected();
        let held = self.home.json(["quarantine", "list", "--all"])["quarantine"].as_array().unwrap().len();
        assert!(held > 0, "the attack never met an act\n{}", self.home.log());
        eprintln!("{} rounds, {held} acts", rounds());
        daemon.stop();
    }

    /// A last bad file after the attack, where the attack may have left no folder.
    fn put_everything_in_its_place(&self) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                become_the_attacker();
                let _ = fs::create_dir_all(&self.dir);
                let _ = fs::rename(&self.model, self.dir.join("last"));
                plant(self);
            });
        });
    }

    fn assert_protected(&self) {
        assert_eq!(looks_below(&self.protected), self.before, "{}", self.home.log());
    }

    /// Whatever the attacker did with it, nobody but root can read a bad file any more.
    fn assert_caught(&self, daemon: &Daemon<'_>) {
        let start = Instant::now();
        loop {
            daemon.sync();
            let in_reach = bad_files_below(&self.home.path("watched"));
            if in_reach.is_empty() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "still in reach: {in_reach:?}\n{}", self.home.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// This thread alone loses root's rights, and no other.
fn become_the_attacker() {
    let (uid, gid) = (Uid::from_raw(ATTACKER), Gid::from_raw(ATTACKER));
    rustix::thread::set_thread_groups(&[]).unwrap();
    rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
    rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
}

fn walk(folder: &Path) -> Vec<(PathBuf, Metadata)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
        if metadata.is_dir() {
            found.extend(walk(&entry.path()));
        }
        found.push((entry.path(), metadata));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

fn looks_below(folder: &Path) -> Vec<Look> {
    let look = |(path, metadata): (PathBuf, Metadata)| Look {
        content: metadata.is_file().then(|| fs::read(&path).unwrap()),
        inode: metadata.ino(),
        links: if metadata.is_file() { metadata.nlink() } else { 0 },
        mode: metadata.mode(),
        owner: (metadata.uid(), metadata.gid()),
        mtime_ns: (metadata.mtime(), metadata.mtime_nsec()),
        path,
    };
    walk(folder).into_iter().map(look).collect()
}

fn bad_files_below(folder: &Path) -> Vec<PathBuf> {
    let is_bad = |path: &Path| fs::read(path).is_ok_and(|content| content == ATTACK);
    let is_in_reach = |metadata: &Metadata| metadata.is_file() && (metadata.mode() & 0o777 != 0 || metadata.uid() != 0);
    let found = walk(folder).into_iter().filter(|(path, metadata)| is_in_reach(metadata) && is_bad(path));
    found.map(|(path, _)| path).collect()
}

/// A new bad file at its place, as a download makes it, and a clean one beside it.
fn plant(scene: &Scene) {
    let fresh = scene.dir.join("fresh");
    let _ = fs::write(&fresh, ATTACK);
    let _ = fs::rename(&fresh, &scene.model);
    let _ = fs::write(scene.dir.join("clean"), CLEAN);
}

/// A bad file when there is none; the daemon gets a moment to look at it every so often.
fn keep_planted(scene: &Scene, round: usize) {
    if round.is_multiple_of(20) || !scene.model.exists() {
        plant(scene);
    }
    if round.is_multiple_of(50) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The bad file under one of two names and a file that is not his to lose under the other, whatever the daemon did meanwhile. What it
/// had to put beside its name goes back there.
fn keep_both(scene: &Scene, other: &Path, round: usize) {
    if !other.exists() {
        let displaced = walk(&scene.dir).into_iter().find(|(path, _)| path.to_string_lossy().contains(".displaced-"));
        let kept = displaced.map_or_else(|| scene.model.clone(), |(path, _)| path);
        let _ = renameat_with(CWD, &kept, CWD, other, RenameFlags::NOREPLACE);
    }
    if !scene.model.exists() {
        let fresh = scene.dir.join("fresh");
        let _ = fs::write(&fresh, ATTACK);
        let _ = renameat_with(CWD, &fresh, CWD, &scene.model, RenameFlags::NOREPLACE);
    }
    if round.is_multiple_of(50) {
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn exchange(one: &Path, other: &Path) {
    let _ = renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE);
}

/// Moves a path aside, puts something in its place, and everything back.
fn swap(path: &Path, put: impl Fn(&Path), take: impl Fn(&Path)) {
    let aside = path.with_extension("aside");
    if fs::rename(path, &aside).is_ok() {
        put(path);
        std::thread::yield_now();
        take(path);
        let _ = fs::rename(&aside, path);
    }
}

fn swap_for_link(path: &Path, target: &Path) {
    swap(path, |path| drop(symlink(target, path)), |path| drop(fs::remove_file(path)));
}

// 1. Swaps between scan and act

#[test]
fn the_file_is_swapped_for_a_link_to_a_protected_file() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        swap_for_link(&scene.model, &scene.protected.join("model.bin"));
    });
}

#[test]
fn its_folder_is_swapped_for_a_link_to_a_protected_folder() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        swap_for_link(&scene.dir, &scene.protected);
    });
}

#[test]
fn an_upper_folder_is_swapped_for_a_link() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        swap_for_link(&scene.upper, scene.protected.parent().unwrap());
    });
}

#[test]
fn it_is_exchanged_with_a_hard_link_to_a_protected_file() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        let hard = scene.dir.join("hard");
        keep_both(scene, &hard, round);
        exchange(&scene.model, &hard);
    });
}

#[test]
fn it_is_exchanged_with_a_clean_file_at_full_speed() {
    let Some(scene) = Scene::new() else { return };
    let tame = scene.dir.join("tame");
    fs::write(&tame, CLEAN).unwrap();
    chown(&tame, Some(ATTACKER), Some(ATTACKER)).unwrap();
    let inode = fs::metadata(&tame).unwrap().ino();
    scene.run(|scene, round| {
        keep_both(scene, &tame, round);
        exchange(&scene.model, &tame);
    });
    let found = walk(&scene.home.path("watched")).into_iter().find(|(_, metadata)| metadata.ino() == inode);
    let (path, metadata) = found.expect("the clean file is where somebody can find it");
    assert_eq!((metadata.mode() & 0o777 != 0, metadata.uid()), (true, ATTACKER), "{}", path.display());
}

#[test]
fn its_folder_is_exchanged_with_another_and_renamed_away() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        exchange(&scene.dir, &scene.home.path("watched/other"));
        let away = scene.home.path("watched/away");
        let _ = fs::rename(&scene.dir, &away);
        std::thread::yield_now();
        let _ = fs::rename(&away, &scene.dir);
    });
}

#[test]
fn it_is_rewritten_and_replaced_while_it_is_copied() {
    let Some(scene) = Scene::new() else { return };
    // On another file system than the vault, the content is copied.
    let elsewhere = tempfile::tempdir().unwrap();
    let vault = elsewhere.path().canonicalize().unwrap().join("vault");
    scene.home.configure(&format!("[vault]\npath = {vault:?}\n"));
    scene.run(|scene, round| {
        keep_planted(scene, round);
        let _ = fs::write(&scene.model, CLEAN);
        let _ = fs::write(&scene.model, ATTACK);
        let _ = fs::rename(scene.dir.join("clean"), &scene.model);
        let _ = fs::hard_link(&scene.model, scene.dir.join("again"));
    });
}

#[test]
fn a_fifo_or_a_folder_takes_its_place() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        let fifo = |path: &Path| {
            let _ = mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0);
        };
        swap(&scene.model, fifo, |path| drop(fs::remove_file(path)));
        swap(&scene.model, |path| drop(fs::create_dir(path)), |path| drop(fs::remove_dir(path)));
    });
}

// 2. What is planted

#[test]
fn links_are_planted_where_the_note_and_the_restored_file_will_be() {
    let Some(scene) = Scene::new() else { return };
    scene.run(|scene, round| {
        keep_planted(scene, round);
        let note = scene.dir.join("model.bin.quarantined.txt");
        let _ = symlink(scene.protected.join("new"), &scene.model);
        let _ = symlink(scene.protected.join("model.bin.quarantined.txt"), &note);
        if round % 7 == 0 {
            let _ = fs::remove_file(&note);
        }
        let is_link = fs::symlink_metadata(&scene.model).is_ok_and(|metadata| metadata.is_symlink());
        if is_link {
            let _ = fs::remove_file(&scene.model);
        }
    });
}

#[test]
fn a_restore_by_root_goes_through_no_link_that_was_planted_meanwhile() {
    let Some(scene) = Scene::new() else { return };
    let daemon = scene.home.watch([scene.home.path("watched")]);
    scene.put_everything_in_its_place();
    scene.assert_caught(&daemon);
    daemon.stop();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            become_the_attacker();
            while !is_over.load(std::sync::atomic::Ordering::SeqCst) {
                swap_for_link(&scene.dir, &scene.protected);
                let _ = symlink(scene.protected.join("new"), &scene.model);
                let _ = fs::remove_file(&scene.model);
            }
        });
        for _ in 0..rounds().min(50) {
            let restored = scene.home.modelscand(["quarantine", "restore", "1"]);
            if restored.status.success() {
                break;
            }
        }
        is_over.store(true, std::sync::atomic::Ordering::SeqCst);
    });
    scene.assert_protected();
    let hold = scene.home.json(["quarantine", "show", "1"]);
    assert!(["held", "restored"].contains(&hold["state"].as_str().unwrap()), "{hold}");
}

#[test]
fn a_vault_that_somebody_else_made_is_refused() {
    let Some(scene) = Scene::new() else { return };
    for plant in [|path: &Path| symlink("/etc", path).unwrap(), |path: &Path| fs::create_dir(path).unwrap()] {
        let vault = scene.home.path("watched/vault");
        plant(&vault);
        std::os::unix::fs::lchown(&vault, Some(ATTACKER), Some(ATTACKER)).unwrap();
        scene.home.configure(&format!("[vault]\npath = {vault:?}\n"));
        let refused = scene.home.modelscand(["watch"]);
        assert!(!refused.status.success());
        assert!(text(&refused.stderr).contains("is not safe"), "{}", text(&refused.stderr));
        let _ = fs::remove_file(&vault).or_else(|_| fs::remove_dir(&vault));
    }
    scene.assert_protected();
}

// 3. Names

#[test]
fn names_with_newlines_dots_and_bytes_that_are_no_text_are_caught_like_any_other() {
    let Some(scene) = Scene::new() else { return };
    let names: [&[u8]; 6] =
        [b"a\nmodel.bin", b"..bin", b"..\n..", b"\xff\xfe.bin", b"\x1b[2J.bin", b".modelscand-0.quarantined.txt"];
    scene.run(|scene, round| {
        keep_planted(scene, round);
        let name = scene.dir.join(OsStr::from_bytes(names[round % names.len()]));
        let _ = fs::rename(&scene.model, &name);
        if round % 3 == 0 {
            let _ = fs::rename(&name, scene.dir.join("x".repeat(255)));
        }
    });
}

// 4. Mounts

#[test]
fn a_file_is_caught_behind_a_bind_mount_and_what_is_mounted_there_stays() {
    let Some(scene) = Scene::new() else { return };
    // Only in this process and the daemons that it starts.
    let private = "mount --make-rprivate / && mount --bind \"$0\" \"$1\" && exec \"$2\" watch \"$3\"";
    let Some(_) = unshare_works() else {
        return eprintln!("not shown here: mounts are not allowed");
    };
    plant_below(&scene);
    let log = fs::File::create(scene.home.path("daemon.log")).unwrap();
    let mut command = scene.home.command("unshare");
    command.args(["--mount", "sh", "-c", private]).arg(&scene.protected).arg(scene.home.path("watched/other"));
    command.arg(env!("CARGO_BIN_EXE_modelscand")).arg(scene.home.path("watched"));
    let mut child = command.stderr(log).spawn().unwrap();
    let start = Instant::now();
    while !bad_files_below(&scene.home.path("watched")).is_empty() {
        assert!(start.elapsed() < PATIENCE, "{}", scene.home.log());
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    scene.assert_protected();
}

fn unshare_works() -> Option<()> {
    let tried = std::process::Command::new("unshare").args(["--mount", "mount", "--make-rprivate", "/"]).output();
    tried.is_ok_and(|output| output.status.success()).then_some(())
}

fn plant_below(scene: &Scene) {
    fs::write(&scene.model, ATTACK).unwrap();
    chown(&scene.model, Some(ATTACKER), Some(ATTACKER)).unwrap();
}
