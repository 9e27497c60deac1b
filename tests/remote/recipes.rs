//! The recipes of `examples/` keep their promises on servers, by the same code as on a store.

#[path = "../../examples/outgrowing.rs"]
mod outgrowing;
#[path = "../recipes/promises.rs"]
mod promises;

use hashlet::{AnyHashes, CopyOptions, Hashes, Remote, RemoteError, Store};

use super::servers::each;
use crate::support::scale;

/// The number of steps of each thread: 500 at full scale.
fn steps() -> usize {
    (500.0 * scale()) as usize + 5
}

#[test]
fn recipes_keep_their_promises_on_a_server() {
    each("recipes", 12, |server| promises::keep_all(&server.open(), steps()));
}

/// The program of the guide's pages `outgrowing` and `from_redis`.
#[test]
fn a_program_moves_to_a_server_and_back() {
    let store = outgrowing::first_night().unwrap();
    each("moves", 14, |server| {
        let back = outgrowing::move_out_and_in(&store, &server.open()).unwrap();
        assert_eq!(back.key_count(), store.key_count() + 1, "{}", server.name);
        let remote = server.open();
        type Copy = fn(&Store, &Remote) -> bool;
        let copies: [(&str, Copy); 2] = [
            ("copy_to", |store, remote| store.copy_to(remote, CopyOptions::new()).is_ok()),
            ("copy_from", |store, remote| store.copy_from(remote, CopyOptions::new()).is_ok()),
        ];
        for (name, copy) in copies {
            let inside = || store.update("k", |_| copy(&store, &remote));
            let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(inside)).unwrap_err();
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            assert!(text.is_some_and(|text| text.contains("closure")), "{name} inside a closure: {text:?}");
        }
    });
}

#[test]
fn what_a_configuration_names_is_opened() {
    promises::keep_all(&AnyHashes::open("memory:").unwrap(), steps());
    each("named hashes", 13, |server| promises::keep_all(&AnyHashes::open(&server.url()).unwrap(), steps()));
    assert!(matches!(AnyHashes::open("memory"), Err(RemoteError::Unsupported(_) | RemoteError::Wire(_))));
    let folder = std::env::temp_dir().join(format!("hashlet-any-{}", std::process::id()));
    let name = format!("journal:{}", folder.display());
    if cfg!(feature = "journal") {
        promises::keep_all(&AnyHashes::open(&name).unwrap(), steps());
        AnyHashes::open(&name).unwrap().set("k", "f", "v").unwrap();
        assert_eq!(AnyHashes::open(&name).unwrap().get("k", "f").unwrap().as_deref(), Some(&b"v"[..]));
        std::fs::remove_dir_all(folder).unwrap();
    } else {
        assert!(matches!(AnyHashes::open(&name), Err(RemoteError::Unsupported(_))));
    }
}
