//! A view that owns its store lives in the state of a program, whose threads outlive no reference.

use std::sync::Arc;
use std::thread;

use crate::support::user::{User, ada};
use hashlet::{Codec, Store, Typed, TypedHashes};

promises! {
    a_view_that_owns_its_store_goes_into_threads
    a_view_of_hashes_that_owns_them_does_too
}

/// What servers ask of their state.
fn state<T: Clone + Send + Sync + 'static>(state: T) -> T {
    state
}

fn a_view_that_owns_its_store_goes_into_threads(codec: impl Codec + Copy + Send + Sync + 'static) {
    let store = Arc::new(Store::new());
    let users = state(Typed::new(Arc::clone(&store), codec));
    users.save_object("key", &ada()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let users = users.clone();
            thread::spawn(move || {
                for _ in 0..100 {
                    users.update_object("key", |user: &mut User| user.visits += 1).unwrap().unwrap();
                }
                users.store().size("key")
            })
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), 4);
    }
    assert_eq!(store.typed(codec).get_member("key", "visits").unwrap(), Some(407_u64));
    assert!(format!("{users:?}").starts_with("Typed"));
    drop(store);
    assert_eq!(
        users.load_object::<User>("key").unwrap().map(|user| user.visits),
        Some(407),
        "the view keeps the store"
    );
}

fn a_view_of_hashes_that_owns_them_does_too(codec: impl Codec + Copy + Send + Sync + 'static) {
    let hashes = state(TypedHashes::new(Arc::new(Store::new()), codec));
    let other = hashes.clone();
    thread::spawn(move || other.set("key", "field", &vec![1]).unwrap()).join().unwrap();
    assert_eq!(hashes.get("key", "field").unwrap(), Some(vec![1]));
}
