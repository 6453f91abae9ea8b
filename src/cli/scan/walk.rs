//! Which files a scan is about: those that were named, and those in the folders that were named.
//!
//! In a fixed order, each content once however many names lead to it. Symlinks found on the way are not followed, except those of
//! a Hugging Face snapshot, which lead to a blob of the same repository. Only names and `lstat(2)` are looked at here; what is
//! opened later is checked again.

use std::collections::HashMap;
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statfs::{self, FsType, statfs};

use crate::caches::{self, CacheKind, Origin, Root};

/// One thing to be scanned, or to be told of.
#[derive(Debug, PartialEq, Eq)]
pub enum Target {
    /// A file.
    File {
        /// As it is shown.
        path: PathBuf,
        /// As it is opened: without a symlink at its end.
        real: PathBuf,
        /// Other paths to the same content that the walk came by.
        names: Vec<PathBuf>,
        /// What the path means.
        origin: Origin,
        /// `path` is a link of a snapshot.
        is_link: bool,
    },
    /// What could not even be looked at.
    Unreadable {
        /// As it is shown.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// What there is to scan under `paths`, in the order that they were named in, each folder sorted by name. `roots` are the caches
/// that this machine is known to have.
pub fn targets(paths: &[PathBuf], roots: &[Root]) -> Vec<Target> {
    let mut walk = Walk { roots, targets: Vec::new(), seen: HashMap::new() };
    for path in paths {
        walk.named(path);
    }
    walk.targets
}

struct Walk<'a> {
    roots: &'a [Root],
    targets: Vec<Target>,
    /// Device and inode of each file, and its place in `targets`.
    seen: HashMap<(u64, u64), usize>,
}

/// A folder on the way: as it is shown, as it is, and its device.
struct Folder {
    shown: PathBuf,
    real: PathBuf,
    device: u64,
}

impl Walk<'_> {
    /// What the person named: scanned whatever it is called, and here alone a symlink is followed. Its last name is kept as it
    /// is, since a snapshot's link says more than the blob that it leads to.
    fn named(&mut self, path: &Path) {
        match look_at_named(path) {
            Ok(named) if named.metadata.is_dir() => {
                let device = named.metadata.dev();
                self.folder(Folder { shown: path.to_owned(), real: named.real, device });
            }
            Ok(named) => self
                .file(File { shown: path.to_owned(), at: named.at, real: named.real, is_link: false }, &named.metadata),
            Err(e) => self.unreadable(path.to_owned(), &e),
        }
    }

    /// Everything below a folder, depth first and by name. The stack is ours: no depth of folders exhausts the thread's.
    fn folder(&mut self, top: Folder) {
        let mut stack = vec![Step::Folder(top)];
        while let Some(step) = stack.pop() {
            match step {
                Step::Folder(folder) => match sorted(&folder.real) {
                    Ok(entries) => stack.extend(entries.into_iter().rev().map(|entry| Step::of(&folder, &entry))),
                    Err(e) => self.unreadable(folder.shown, &e),
                },
                Step::Entry { shown, real, device } => {
                    if let Err(e) = self.entry(&mut stack, &shown, &real, device) {
                        self.unreadable(shown, &e);
                    }
                }
            }
        }
    }

    fn entry(&mut self, stack: &mut Vec<Step>, shown: &Path, real: &Path, device: u64) -> io::Result<()> {
        let metadata = fs::symlink_metadata(real)?;
        let kind = metadata.file_type();
        if kind.is_dir() {
            if metadata.dev() == device || !is_pseudo(real) {
                stack.push(Step::Folder(Folder { shown: shown.into(), real: real.into(), device: metadata.dev() }));
            }
        } else if kind.is_file() {
            if !self.root_of(real).is_some_and(|root| caches::is_passed_over(&root, real)) {
                self.file(File { shown: shown.into(), at: real.into(), real: real.into(), is_link: false }, &metadata);
            }
        } else if kind.is_symlink()
            && let Some((blob, metadata)) = self.blob_of(real)
        {
            self.file(File { shown: shown.into(), at: real.into(), real: blob, is_link: true }, &metadata);
        }
        Ok(())
    }

    /// The blob that a snapshot's link leads to. One that is not there is what a download under way looks like.
    fn blob_of(&self, link: &Path) -> Option<(PathBuf, Metadata)> {
        let root = self.root_of(link)?;
        let blob = caches::link_target(&root, link, &fs::read_link(link).ok()?)?;
        let metadata = fs::symlink_metadata(&blob).ok().filter(Metadata::is_file)?;
        Some((blob, metadata))
    }

    /// The cache that a path is in: one of this machine's, or a copy of a hub's cache wherever it lies.
    fn root_of(&self, path: &Path) -> Option<Root> {
        let known = caches::root_of(self.roots, path).filter(|root| root.cache != CacheKind::Folder);
        known.cloned().or_else(|| copied_hub(path))
    }

    /// A file, once: a snapshot's link is the better name, since it tells people which model it is.
    fn file(&mut self, file: File, metadata: &Metadata) {
        let next = self.targets.len();
        let place = *self.seen.entry((metadata.dev(), metadata.ino())).or_insert(next);
        let origin = self.root_of(&file.at).map_or_else(Origin::folder, |root| caches::origin(&root, &file.at));
        match self.targets.get_mut(place) {
            None => {
                let File { shown: path, real, is_link, .. } = file;
                self.targets.push(Target::File { path, real, names: Vec::new(), origin, is_link });
            }
            Some(Target::File { path, names, origin: known, is_link, .. }) if *path != file.shown => {
                if file.is_link && !std::mem::replace(is_link, file.is_link) {
                    *known = origin;
                    names.push(std::mem::replace(path, file.shown));
                } else {
                    names.push(file.shown);
                }
            }
            Some(_) => {}
        }
    }

    fn unreadable(&mut self, path: PathBuf, error: &io::Error) {
        self.targets.push(Target::Unreadable { path, reason: error.to_string() });
    }
}

/// A file that the walk came by.
struct File {
    /// As it is shown.
    shown: PathBuf,
    /// The absolute path that says what it is.
    at: PathBuf,
    /// The absolute path that is opened.
    real: PathBuf,
    /// `at` is a link of a snapshot to `real`.
    is_link: bool,
}

/// What a person named: with its folder resolved, and with everything resolved.
struct Named {
    at: PathBuf,
    real: PathBuf,
    metadata: Metadata,
}

fn look_at_named(path: &Path) -> io::Result<Named> {
    let real = path.canonicalize()?;
    let metadata = fs::symlink_metadata(&real)?;
    let at = match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) if !folder.as_os_str().is_empty() => folder.canonicalize()?.join(name),
        (_, Some(name)) => std::env::current_dir()?.join(name),
        _ => real.clone(),
    };
    Ok(Named { at, real, metadata })
}

/// The hub cache around a path that has its layout, where no known cache is: a copy, a mount, a `cache_dir=` of somebody's own.
fn copied_hub(path: &Path) -> Option<Root> {
    let is_repository = |name: &str| ["models--", "datasets--", "spaces--"].iter().any(|kind| name.starts_with(kind));
    let repository = path
        .ancestors()
        .skip(1)
        .find(|folder| folder.file_name().is_some_and(|name| is_repository(&name.to_string_lossy())))?;
    Some(Root { path: repository.parent()?.to_owned(), cache: CacheKind::Huggingface })
}

enum Step {
    Folder(Folder),
    Entry { shown: PathBuf, real: PathBuf, device: u64 },
}

impl Step {
    fn of(folder: &Folder, entry: &DirEntry) -> Self {
        let name = entry.file_name();
        Self::Entry { shown: folder.shown.join(&name), real: folder.real.join(&name), device: folder.device }
    }
}

fn sorted(folder: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(DirEntry::file_name);
    Ok(entries)
}

/// The kernel's own file systems: no models in there, and files that never end or do something when read.
fn is_pseudo(folder: &Path) -> bool {
    const PSEUDO: [FsType; 6] = [
        statfs::PROC_SUPER_MAGIC,
        statfs::DEBUGFS_MAGIC,
        statfs::SECURITYFS_MAGIC,
        statfs::CGROUP2_SUPER_MAGIC,
        // nix does not name these two: linux/magic.h, sysfs and tracefs.
        FsType(0x6265_6572),
        FsType(0x7472_6163),
    ];
    statfs(folder).is_ok_and(|found| PSEUDO.contains(&found.filesystem_type()))
}
