//! The carried scenarios as files: what stands there, what is mended, what is removed.

use super::*;
use crate::scenario::Scenario;

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

#[test]
fn what_is_unpacked_is_what_is_shipped_and_loads_to_the_same_hashes() {
    let state = tempfile::tempdir().unwrap();
    let unpacked = Unpacked::below(state.path()).unwrap();
    let hashes = |dir: &Path| {
        let all = Scenario::load_all(dir, &[]).unwrap();
        all.into_iter().map(|s| (s.name, s.hash)).collect::<Vec<_>>()
    };
    let of_checkout = hashes(&shipped());
    assert_eq!(hashes(unpacked.folder()), of_checkout);
    let names: Vec<_> = of_checkout.into_iter().map(|(name, _)| name).collect();
    assert_eq!(carried::names(), names);
    for name in names {
        for (path, content) in carried::shipped().iter().filter(|(path, _)| path.starts_with(&name)) {
            assert!(files::read(&shipped().join(path)).unwrap() == *content, "{}", path.display());
        }
    }
}

#[test]
fn no_carried_file_is_a_program_or_a_link_which_would_be_lost() {
    for path in carried::shipped().keys() {
        let metadata = shipped().join(path).symlink_metadata().unwrap();
        assert!(metadata.is_file() && metadata.permissions().mode() & 0o111 == 0, "{}", path.display());
    }
}

#[test]
fn what_was_changed_is_unpacked_anew() {
    let state = tempfile::tempdir().unwrap();
    let folder = Unpacked::below(state.path()).unwrap().folder().to_owned();
    let main = folder.join("go-scratch/app/main.go");
    let whole = files::read(&main).unwrap();
    let damages: [&dyn Fn(); 4] = [
        &|| files::write(&main, "package main\n").unwrap(),
        &|| files::remove(&main).unwrap(),
        &|| files::write(&folder.join("go-scratch/app/more.go"), "package main\n").unwrap(),
        &|| files::create_dir_all(&folder.join("go-scratch/app/empty")).unwrap(),
    ];
    for damage in damages {
        damage();
        assert_eq!(Unpacked::below(state.path()).unwrap().folder(), folder);
        assert_eq!(files::read(&main).unwrap(), whole);
        assert!(
            !folder.join("go-scratch/app/more.go").exists() && !folder.join("go-scratch/app/empty").exists()
        );
    }
    let used = Unpacked::below(state.path()).unwrap();
    damages[0]();
    let error = Unpacked::below(state.path()).unwrap_err().to_string();
    assert!(error.contains("the unpacked scenarios were changed, and another dbench uses them"), "{error}");
    drop(used);
    Unpacked::below(state.path()).unwrap();
}

#[test]
fn what_is_in_use_stays_and_what_others_left_goes() {
    let state = tempfile::tempdir().unwrap();
    let parent = state.path().join("scenarios");
    let other: Files = [(PathBuf::from("a/scenario.toml"), &b"title"[..])].into();
    let used = Unpacked::of(&other, &parent).unwrap();
    files::create_dir_all(&parent.join("new-half/a")).unwrap();
    let own = Unpacked::below(state.path()).unwrap();
    assert_eq!(files::list(&parent).unwrap().len(), 2, "the half of one went");
    assert!(used.folder().exists());
    let removed = remove_unpacked(state.path()).unwrap();
    assert_eq!((removed.removed.len(), removed.left.len()), (0, 2));
    drop(used);
    assert_eq!(remove_unpacked(state.path()).unwrap().left, [own.folder()]);
    drop(own);
    assert_eq!(remove_unpacked(state.path()).unwrap().removed.len(), 1);
    assert_eq!(files::list(&parent).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(remove_unpacked(&state.path().join("none")).unwrap(), Removed::default());
}

#[test]
fn two_that_unpack_at_once_get_the_same_folder() {
    let state = tempfile::tempdir().unwrap();
    let all: Vec<PathBuf> = std::thread::scope(|scope| {
        let begin = || scope.spawn(|| Unpacked::below(state.path()).unwrap());
        let begun: Vec<_> = (0..6).map(|_| begin()).collect();
        let done: Vec<_> = begun.into_iter().map(|one| one.join().unwrap()).collect();
        done.iter().map(|one| one.folder().to_owned()).collect()
    });
    assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(files::list(&state.path().join("scenarios")).unwrap(), [all[0].clone()]);
}
