//! Where the roots are. Each folder on the way to a root is held by a watch that is silent until the folder is moved or deleted,
//! and where the way ends (a name that is not there yet, or a symlink that may be changed) the name is waited for. So a root that
//! appears, vanishes, is replaced or is reached by another way is noticed without looking.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlinkat};
use nix::sys::inotify::{AddWatchFlags, InotifyEvent, WatchDescriptor};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat};

use super::Watcher;
use super::degraded::Degraded;
use super::event::{Event, RootState, RootStatus, WalkReason};
use super::filesystem::FileSystem;
use super::kernel::{Kernel, names_mask, place_mask};
use super::open::{is_gone, open_root};
use super::poll::Polling;
use super::tree::NodeId;
use crate::caches::Root;

/// Symlinks on the way to a root, as the kernel's own limit.
const MAX_SYMLINKS: u32 = 40;
/// Tries to find a root's place while it is being moved about.
const MAX_TRIES: u32 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct RootId(u32);

/// A root and how it stands.
#[derive(Debug)]
pub(super) struct WatchedRoot {
    root: Root,
    node: Option<NodeId>,
    /// Device and inode of the folder that is there.
    identity: Option<(u64, u64)>,
    was_placed: bool,
    pub polling: Option<Polling>,
    /// A part of it is on a file system that gives no events.
    pub is_remote: bool,
    /// A part of the way to it cannot be held.
    pub is_unsure: bool,
    /// The limit of watches was reached in it since its last round began.
    pub limit_was_hit: bool,
    /// It is said to be degraded for that, until a whole round did not reach the limit.
    pub is_limited: bool,
}

impl WatchedRoot {
    fn new(root: Root) -> Self {
        Self {
            root,
            node: None,
            identity: None,
            was_placed: false,
            polling: None,
            is_remote: false,
            is_unsure: false,
            limit_was_hit: false,
            is_limited: false,
        }
    }

    /// True when events alone tell of everything in it.
    pub fn is_told_by_events(&self) -> bool {
        !self.is_remote && !self.is_unsure && !self.limit_was_hit
    }

    pub fn path(&self) -> &Path {
        &self.root.path
    }

    pub fn status(&self, degraded: &Degraded) -> RootStatus {
        let state = match self {
            _ if degraded.is_in(self.path()) => RootState::Degraded,
            Self { node: None, .. } => RootState::Waiting,
            Self { polling: Some(_), .. } => RootState::Polled,
            _ => RootState::Watching,
        };
        RootStatus { path: self.root.path.clone(), cache: self.root.cache, state }
    }
}

/// The watches on the ways to the roots.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    by_watch: HashMap<WatchDescriptor, Vec<Anchor>>,
}

/// Whose way, and the name that is waited for, if one is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Anchor {
    root: RootId,
    name: Option<OsString>,
}

impl Anchors {
    /// The roots that an event puts in doubt.
    pub fn touched_by(&self, event: &InotifyEvent) -> Vec<RootId> {
        let moved = event.mask.intersects(place_mask() | AddWatchFlags::IN_UNMOUNT);
        let named = event.mask.intersects(names_mask());
        let anchors = self.by_watch.get(&event.wd).into_iter().flatten();
        let touched = anchors.filter(|anchor| moved || named && anchor.name.is_some() && anchor.name == event.name);
        touched.map(|anchor| anchor.root).collect()
    }

    /// The kernel took a watch away: the roots whose way it held.
    pub fn remove(&mut self, watch: WatchDescriptor) -> Vec<RootId> {
        self.by_watch.remove(&watch).into_iter().flatten().map(|anchor| anchor.root).collect()
    }

    pub fn has(&self, watch: WatchDescriptor) -> bool {
        self.by_watch.contains_key(&watch)
    }

    /// Replaces the anchors of a root, and returns the watches that hold nothing any more.
    fn replace(&mut self, root: RootId, anchors: Vec<(WatchDescriptor, Option<OsString>)>) -> Vec<WatchDescriptor> {
        for held in self.by_watch.values_mut() {
            held.retain(|anchor| anchor.root != root);
        }
        for (watch, name) in anchors {
            self.by_watch.entry(watch).or_default().push(Anchor { root, name });
        }
        self.by_watch.extract_if(|_, held| held.is_empty()).map(|(watch, _)| watch).collect()
    }
}

/// The way to a root, as it was found.
struct Way {
    anchors: Vec<(WatchDescriptor, Option<OsString>)>,
    /// Device and inode of the folder at its end.
    end: Result<(u64, u64), Errno>,
    /// A part of it cannot be held, so it must be looked at again and again.
    is_unsure: bool,
}

impl Watcher {
    /// Watches these roots from now on, and no others. What was watched before and is among them goes on as it is.
    pub fn set_roots(&mut self, roots: Vec<Root>) {
        let gone: Vec<_> = self.roots.iter().filter(|(_, old)| !roots.contains(&old.root)).map(|(&id, _)| id).collect();
        for id in gone {
            self.remove_root(id);
        }
        let mut added = Vec::new();
        for root in roots {
            if self.roots.values().all(|known| known.root != root) {
                let id = RootId(self.next_root);
                self.next_root += 1;
                self.roots.insert(id, WatchedRoot::new(root));
                added.push(id);
            }
        }
        for id in added {
            if self.kernel.is_none() {
                self.poll_root(id);
            }
            self.place_root(id);
        }
    }

    fn remove_root(&mut self, id: RootId) {
        if let Some(node) = self.roots.get(&id).and_then(|root| root.node) {
            self.detach(node);
        }
        for watch in self.anchors.replace(id, Vec::new()) {
            self.unwatch(watch);
        }
        if let Some(root) = self.roots.remove(&id) {
            self.degraded.clear_below(root.path(), &mut self.outbox);
            // A root around it has left it out until now.
            self.walk(root.path().parent().unwrap_or(Path::new("/")), WalkReason::Appeared);
        }
    }

    /// Finds out where a root is now, holds the way to it, and walks it when it is another folder than before.
    pub(super) fn place_root(&mut self, id: RootId) {
        let path = self.path_of_root(id).to_owned();
        let way = self.find_way(&path);
        let stale = self.anchors.replace(id, way.anchors);
        for watch in stale {
            self.unwatch(watch);
        }
        if let Some(root) = self.roots.get_mut(&id) {
            root.is_unsure = way.is_unsure;
        }
        if way.is_unsure {
            self.poll_root(id);
        }
        match way.end {
            Ok(identity) => self.on_placed(id, identity),
            Err(errno) => self.on_missing(id, &path, errno),
        }
    }

    fn on_placed(&mut self, id: RootId, identity: (u64, u64)) {
        let Some(root) = self.roots.get_mut(&id) else { return };
        if root.identity == Some(identity) && root.node.is_some() {
            return;
        }
        let reason = if root.was_placed { WalkReason::Appeared } else { WalkReason::Start };
        let old = root.node.take();
        (root.identity, root.was_placed) = (Some(identity), true);
        root.node = Some(self.tree.add_root(id));
        if let Some(polling) = &mut root.polling {
            polling.restart();
        }
        if let Some(old) = old {
            self.detach(old);
        }
        self.walk_root(id, reason);
    }

    fn on_missing(&mut self, id: RootId, path: &Path, errno: Errno) {
        let Some(root) = self.roots.get_mut(&id) else { return };
        root.identity = None;
        root.was_placed = true;
        let old = root.node.take();
        if let Some(polling) = &mut root.polling {
            polling.restart();
        }
        if let Some(node) = old {
            self.detach(node);
            self.outbox.push(Event::Gone { path: path.to_owned() });
        }
        if is_gone(errno) {
            tracing::debug!(path = %path.display(), "waiting for it to appear");
            self.degraded.clear(path, &mut self.outbox);
        } else {
            self.poll_root(id);
            let remedy = "let the user that modelscand runs as reach it, or take it out of the configuration";
            self.degraded.add(path, &format!("cannot be reached: {}", errno.desc()), remedy, &mut self.outbox);
        }
    }

    fn find_way(&self, path: &Path) -> Way {
        let Some(kernel) = &self.kernel else {
            return Way { anchors: Vec::new(), end: identity_of(path), is_unsure: true };
        };
        let mut way = hold_way(kernel, path);
        for _ in 0..MAX_TRIES {
            // Whatever changed on the way after this look is told by a watch.
            if identity_of(path).ok() == way.end.ok() {
                return way;
            }
            way = hold_way(kernel, path);
        }
        Way { is_unsure: true, ..way }
    }

    pub(super) fn walk_root(&mut self, id: RootId, reason: WalkReason) {
        let Some((node, is_round)) = self.roots.get(&id).and_then(|root| Some((root.node?, root.polling.is_some())))
        else {
            return;
        };
        self.walks.add_later(node, reason, is_round);
    }

    /// Takes a folder and all below it out of the tree, with its watches.
    pub(super) fn detach(&mut self, node: NodeId) {
        if let Some(path) = self.path_of(node).filter(|_| !self.degraded.is_empty()) {
            self.degraded.clear_below(&path, &mut self.outbox);
        }
        for watch in self.tree.detach(node) {
            self.unwatch(watch);
        }
    }

    /// A folder is not where it was: a root's place is looked for again.
    pub(super) fn forget(&mut self, node: NodeId, root: RootId, is_root: bool) {
        if is_root {
            self.place_root(root);
        } else {
            self.detach(node);
        }
    }

    /// Takes a watch away unless something else needs it.
    pub(super) fn unwatch(&self, watch: WatchDescriptor) {
        let is_needed = self.anchors.has(watch) || self.tree.of_watch(watch).is_some();
        if let Some(kernel) = self.kernel.as_ref().filter(|_| !is_needed) {
            kernel.unwatch(watch);
        }
    }

    pub(super) fn path_of_root(&self, id: RootId) -> &Path {
        self.roots.get(&id).map_or(Path::new("/"), WatchedRoot::path)
    }

    pub(super) fn path_of(&self, node: NodeId) -> Option<PathBuf> {
        let (root, names) = self.tree.place(node)?;
        let mut path = self.roots.get(&root)?.path().to_owned();
        path.extend(names.iter().map(|name| Path::new(&**name)));
        Some(path)
    }

    /// The folder at `path`, or the nearest one above it that is known.
    pub(super) fn nearest_node(&self, path: &Path) -> Option<NodeId> {
        let inside = self.roots.values().filter(|root| path.starts_with(root.path()));
        let root = inside.max_by_key(|root| root.path().as_os_str().len())?;
        let mut node = root.node?;
        for name in path.strip_prefix(root.path()).ok()? {
            match self.tree.known_child(node, name) {
                Some(child) => node = child,
                None => break,
            }
        }
        Some(node)
    }
}

fn identity_of(path: &Path) -> Result<(u64, u64), Errno> {
    let stat = fstat(open_root(path)?)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// Goes to `path` name by name, and sets a watch on each folder on the way before it looks into it.
fn hold_way(kernel: &Kernel, path: &Path) -> Way {
    let mut way = Way { anchors: Vec::new(), end: Err(Errno::ENOENT), is_unsure: false };
    way.end = follow(kernel, path, &mut way);
    way
}

fn follow(kernel: &Kernel, path: &Path, way: &mut Way) -> Result<(u64, u64), Errno> {
    let mut names: VecDeque<OsString> = path.iter().map(ToOwned::to_owned).collect();
    let mut folder = open_place("/")?;
    let mut links = 0;
    let mut is_name_held = false;
    while let Some(name) = names.pop_front() {
        let next = openat(&folder, name.as_os_str(), place_flags() | OFlag::O_NOFOLLOW, Mode::empty());
        let stat = next.as_ref().map_err(|&errno| errno).and_then(fstat);
        if let (Ok(next), Ok(stat)) = (next, &stat)
            && is_kind(stat, SFlag::S_IFDIR)
        {
            hold(kernel, &next, None, way);
            folder = next;
            is_name_held = false;
            continue;
        }
        if !is_name_held {
            hold(kernel, &folder, Some(&name), way);
            is_name_held = true;
            names.push_front(name);
            continue;
        }
        if !is_kind(&stat?, SFlag::S_IFLNK) {
            return Err(Errno::ENOTDIR);
        }
        links += 1;
        if links > MAX_SYMLINKS {
            return Err(Errno::ELOOP);
        }
        let target = PathBuf::from(readlinkat(&folder, name.as_os_str())?);
        for part in target.iter().rev() {
            names.push_front(part.to_owned());
        }
        is_name_held = false;
    }
    let stat = fstat(&folder)?;
    Ok((stat.st_dev, stat.st_ino))
}

fn is_kind(stat: &FileStat, kind: SFlag) -> bool {
    stat.st_mode & SFlag::S_IFMT.bits() == kind.bits()
}

fn place_flags() -> OFlag {
    OFlag::O_PATH | OFlag::O_CLOEXEC
}

fn open_place(path: &str) -> Result<OwnedFd, Errno> {
    open(path, place_flags() | OFlag::O_DIRECTORY, Mode::empty())
}

/// Holds a folder on the way; with a name, waits for that name in it.
fn hold(kernel: &Kernel, folder: &OwnedFd, name: Option<&OsString>, way: &mut Way) {
    let mask = if name.is_some() { names_mask() | place_mask() } else { place_mask() };
    match kernel.watch(folder.as_fd(), mask) {
        Ok(watch) => way.anchors.push((watch, name.cloned())),
        // A folder that may be passed and not read, such as another user's: its own move goes unseen until the next walk.
        Err(Errno::EACCES) if name.is_none() => {}
        Err(errno) => {
            tracing::debug!(%errno, "a folder on the way to a root cannot be watched");
            way.is_unsure = true;
        }
    }
    if name.is_some() && FileSystem::of(folder.as_fd()) == Ok(FileSystem::Remote) {
        way.is_unsure = true;
    }
}
