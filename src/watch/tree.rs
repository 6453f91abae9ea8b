//! The folders that are known, as a tree of names: a watch leads to a folder, and a folder to its path.
//!
//! Paths are put together from names when they are needed, so a renamed folder changes the paths of all below it at no cost.
//! Identifiers are never used again, so one that is kept somewhere leads to its folder or to nothing.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::sync::Arc;

use nix::sys::inotify::WatchDescriptor;

use super::roots::RootId;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NodeId(u64);

#[derive(Debug)]
struct Node {
    place: Place,
    children: BTreeMap<Arc<OsStr>, NodeId>,
    watch: Option<WatchDescriptor>,
    /// `st_dev` when it was visited last.
    device: Option<u64>,
    /// The visit of its parent, or the event, that saw it last.
    seen: u64,
}

#[derive(Debug, Clone)]
enum Place {
    Root(RootId),
    In(NodeId, Arc<OsStr>),
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    nodes: HashMap<NodeId, Node>,
    watches: HashMap<WatchDescriptor, NodeId>,
    next: u64,
    clock: u64,
}

impl Tree {
    pub fn add_root(&mut self, root: RootId) -> NodeId {
        self.add(Place::Root(root))
    }

    /// The folder `name` in `parent`, made if it is not known, and marked as seen now. `None` when the parent is gone.
    pub fn child(&mut self, parent: NodeId, name: &OsStr) -> Option<NodeId> {
        let seen = self.clock;
        if let Some(&child) = self.nodes.get(&parent)?.children.get(name) {
            if let Some(node) = self.nodes.get_mut(&child) {
                node.seen = seen;
            }
            return Some(child);
        }
        let name: Arc<OsStr> = name.into();
        let child = self.add(Place::In(parent, name.clone()));
        self.nodes.get_mut(&parent)?.children.insert(name, child);
        Some(child)
    }

    pub fn known_child(&self, parent: NodeId, name: &OsStr) -> Option<NodeId> {
        self.nodes.get(&parent)?.children.get(name).copied()
    }

    /// Starts a visit: what is seen from now on is newer than the returned moment.
    pub fn start_visit(&mut self) -> u64 {
        self.clock += 1;
        self.clock
    }

    /// The children of `parent` that were not seen since `moment`.
    pub fn unseen_children(&self, parent: NodeId, moment: u64) -> Vec<NodeId> {
        let Some(node) = self.nodes.get(&parent) else { return Vec::new() };
        let unseen = |id: &&NodeId| self.nodes.get(id).is_some_and(|child| child.seen < moment);
        node.children.values().filter(unseen).copied().collect()
    }

    /// Takes a folder and all below it out of the tree, and returns the watches that were theirs.
    pub fn detach(&mut self, id: NodeId) -> Vec<WatchDescriptor> {
        if let Some(Place::In(parent, name)) = self.nodes.get(&id).map(|node| node.place.clone())
            && let Some(parent) = self.nodes.get_mut(&parent)
        {
            parent.children.remove(&name);
        }
        let mut watches = Vec::new();
        let mut stack = vec![id];
        while let Some(node) = stack.pop().and_then(|id| self.nodes.remove(&id)) {
            stack.extend(node.children.into_values());
            if let Some(watch) = node.watch {
                self.watches.remove(&watch);
                watches.push(watch);
            }
        }
        watches
    }

    /// Ties a watch to a folder. A folder that had the same watch was this one under an older name, and loses it; the watch that
    /// this folder had, if it was another one, is returned.
    pub fn bind(&mut self, id: NodeId, watch: WatchDescriptor) -> Option<WatchDescriptor> {
        let node = self.nodes.get_mut(&id)?;
        let old = node.watch.replace(watch).filter(|&old| old != watch);
        if let Some(older) = self.watches.insert(watch, id).filter(|&older| older != id)
            && let Some(older) = self.nodes.get_mut(&older)
        {
            older.watch = None;
        }
        old.inspect(|old| {
            self.watches.remove(old);
        })
    }

    /// The kernel took a watch away.
    pub fn unbind(&mut self, watch: WatchDescriptor) -> Option<NodeId> {
        let id = self.watches.remove(&watch)?;
        if let Some(node) = self.nodes.get_mut(&id) {
            node.watch = None;
        }
        Some(id)
    }

    pub fn of_watch(&self, watch: WatchDescriptor) -> Option<NodeId> {
        self.watches.get(&watch).copied()
    }

    pub fn watches(&self) -> usize {
        self.watches.len()
    }

    /// The root of a folder and the names that lead from there to it.
    pub fn place(&self, id: NodeId) -> Option<(RootId, Vec<Arc<OsStr>>)> {
        let mut names = Vec::new();
        let mut id = id;
        loop {
            match &self.nodes.get(&id)?.place {
                Place::Root(root) => {
                    names.reverse();
                    return Some((*root, names));
                }
                Place::In(parent, name) => {
                    names.push(name.clone());
                    id = *parent;
                }
            }
        }
    }

    pub fn set_device(&mut self, id: NodeId, device: u64) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.device = Some(device);
        }
    }

    /// `st_dev` of the folder above, when it was visited last.
    pub fn parent_device(&self, id: NodeId) -> Option<u64> {
        match self.nodes.get(&id)?.place {
            Place::Root(_) => None,
            Place::In(parent, _) => self.nodes.get(&parent)?.device,
        }
    }

    fn add(&mut self, place: Place) -> NodeId {
        let id = NodeId(self.next);
        self.next += 1;
        let node = Node { place, children: BTreeMap::new(), watch: None, device: None, seen: self.clock };
        self.nodes.insert(id, node);
        id
    }
}
