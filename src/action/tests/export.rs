//! What an analyst gets, and that nobody else is harmed by it.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use crate::action::{ActionError, EXPORT_PASSWORD, To};
use crate::store::{HoldId, HoldState};

use super::world::{CONTENT, Where, World, names_in};

fn export(world: &World, id: HoldId, to: &Path) -> Result<(), ActionError> {
    world.vault().export(&world.writer(), id, to, EXPORT_PASSWORD, b"{\"record\": true}")
}

fn read(zip: &Path, name: &str, password: &str) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(File::open(zip).unwrap()).unwrap();
    let mut content = Vec::new();
    archive.by_name_decrypt(name, password.as_bytes()).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}

#[test]
fn an_exported_file_opens_with_the_password_only_and_stays_in_the_vault() {
    let world = World::new(Where::SameFileSystem);
    let id = world.quarantine(&world.bad_file("model.bin")).unwrap().id;
    let zip = world.files.join("for-an-analyst.zip");
    export(&world, id, &zip).unwrap();
    assert_eq!(fs::metadata(&zip).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(read(&zip, "1.quarantined", "infected").unwrap(), CONTENT);
    assert_eq!(read(&zip, "record.json", "infected").unwrap(), b"{\"record\": true}");
    assert_eq!(read(&zip, "1.quarantined", "guessed"), None);
    let bytes = fs::read(&zip).unwrap();
    assert!(!bytes.windows(CONTENT.len()).any(|window| window == CONTENT));
    assert_eq!(world.state(id), HoldState::Held);
    world.restore(id, To::OriginalPlace).unwrap();
    assert!(matches!(export(&world, id, &world.files.join("later.zip")), Err(ActionError::Refused(_))));
}

#[test]
fn an_export_goes_over_nothing_and_through_no_link() {
    let world = World::new(Where::SameFileSystem);
    let id = world.quarantine(&world.bad_file("model.bin")).unwrap().id;
    let taken = world.files.join("taken.zip");
    fs::write(&taken, "mine").unwrap();
    assert!(matches!(export(&world, id, &taken), Err(ActionError::Occupied { .. })));
    assert_eq!(fs::read(&taken).unwrap(), b"mine");
    symlink("nowhere", world.files.join("link.zip")).unwrap();
    assert!(export(&world, id, &world.files.join("link.zip")).is_err());
    symlink(world.vault_path.parent().unwrap(), world.files.join("folder")).unwrap();
    assert!(matches!(export(&world, id, &world.files.join("folder/x.zip")), Err(ActionError::Open(_))));
    assert!(!names_in(&world.files).contains(&"nowhere".to_owned()));
}
