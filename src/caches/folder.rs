//! A plain folder: no layout, so a file's name is its path below the folder, and nothing in it is passed over.

use std::path::Path;

use super::{Layout, Origin, joined, segments};

pub(super) const LAYOUT: Layout = Layout { roots: |_| Vec::new(), origin, is_passed_over: |_| false };

fn origin(path: &Path) -> Origin {
    Origin { name: joined(&segments(path)), ..Origin::folder() }
}
