//! The store of blobs and manifests on the disk.

use super::*;
use crate::registry::name::{Name, Tag};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn by_tag(text: &str) -> Reference {
    Reference::Tag(Tag::parse(text).unwrap())
}

fn with_blob(store: &Store, owner: &Name, content: &[u8]) -> Digest {
    let (upload, digest) = (store.uploads().join("x"), Digest::of(content));
    files::write(&upload, content).unwrap();
    store.adopt(owner, &digest, &upload).unwrap();
    assert!(!upload.exists());
    digest
}

#[test]
fn content_is_kept_once_and_goes_with_its_last_link() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (a, b, c) = (name("a"), name("a/b"), name("c"));
    let digest = with_blob(&store, &a, b"content");
    assert!(!store.mount(&b, &digest, Some(&c)).unwrap() && !store.has_blob(&b, &digest));
    assert!(store.mount(&b, &digest, Some(&a)).unwrap() && store.mount(&c, &digest, None).unwrap());
    assert_eq!(with_blob(&store, &a, b"content"), digest);
    assert_eq!(files::list(&folder.path().join("blobs/sha256")).unwrap().len(), 1);
    for (owner, left) in [(&a, 1), (&b, 1), (&c, 0)] {
        assert!(store.remove_blob(owner, &digest).unwrap());
        assert!(!store.has_blob(owner, &digest) && store.blob(owner, &digest).unwrap().is_none());
        assert!(!store.remove_blob(owner, &digest).unwrap());
        assert_eq!(files::list(&folder.path().join("blobs/sha256")).unwrap().len(), left);
    }
}

#[test]
fn manifests_are_found_by_tag_and_by_digest_and_take_their_tags_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let owner = name("a");
    assert!(!store.knows(&owner));
    let digest = Digest::of(b"{}\n");
    let stored = Stored { digest: digest.clone(), media_type: "x/y".to_owned(), bytes: b"{}\n".to_vec() };
    for tag in ["b", "A", "a.new"] {
        store.put_manifest(&owner, Some(&Tag::parse(tag).unwrap()), &stored).unwrap();
    }
    assert!(store.knows(&owner) && store.manifest_size(&owner, &digest).unwrap().is_some());
    assert_eq!(store.tags(&owner).unwrap().iter().map(Tag::as_str).collect::<Vec<_>>(), ["A", "a.new", "b"]);
    let found = store.manifest(&owner, &by_tag("A")).unwrap().unwrap();
    assert_eq!((found.media_type.as_str(), found.bytes.as_slice()), ("x/y", b"{}\n".as_slice()));
    assert!(store.manifest(&owner, &by_tag("none")).unwrap().is_none());
    assert!(store.remove_manifest(&owner, &by_tag("A")).unwrap());
    assert!(!store.remove_manifest(&owner, &by_tag("A")).unwrap());
    assert!(store.manifest_size(&owner, &digest).unwrap().is_some());
    assert!(store.remove_manifest(&owner, &Reference::Digest(digest)).unwrap());
    assert!(store.tags(&owner).unwrap().is_empty() && store.manifests(&owner).unwrap().is_empty());
}

#[test]
fn content_outlives_a_registry_and_unfinished_uploads_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let digest = with_blob(&store, &name("a"), b"content");
    files::write(&store.uploads().join("half"), "half").unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    assert!(store.has_blob(&name("a"), &digest));
    assert_eq!(files::list(&store.uploads()).unwrap(), Vec::<PathBuf>::new());
    store.clear().unwrap();
    assert!(!store.knows(&name("a")) && !store.has_blob(&name("a"), &digest));
    with_blob(&store, &name("a"), b"content");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    files::create_dir_all(&folder.path().join("uploads")).unwrap();
    files::write(&folder.path().join("uploads/letter"), "mine").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(
        error.to_string().contains("holds something else than a registry\n  hint: name an empty"),
        "{error}"
    );
    assert!(folder.path().join("uploads/letter").exists());
}

#[test]
fn a_folder_belongs_to_one_registry_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with("another registry uses "), "{error}");
    drop(store);
    Store::open(folder.path()).unwrap();
}
