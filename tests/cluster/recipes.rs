//! The recipes of `examples/` keep their promises on a cluster, by the same code as on a store and on a server. Only the name
//! is another one.

#[path = "../recipes/promises.rs"]
mod promises;

use hashlet::{AnyHashes, RemoteError};

use super::servers::each;
use crate::support::scale;

/// The number of steps of each thread: 500 at full scale.
fn steps() -> usize {
    (500.0 * scale()) as usize + 5
}

#[test]
fn recipes_keep_their_promises_on_a_cluster() {
    each("recipes", |cluster| promises::keep_all(&cluster.open_any(), steps()));
}

#[test]
fn what_a_configuration_names_is_opened() {
    each("names", |cluster| {
        assert!(matches!(cluster.open_any(), AnyHashes::Cluster(_)));
        let node = cluster.nodes[0].url();
        let refused = AnyHashes::open(&node);
        assert!(matches!(&refused, Err(RemoteError::Unsupported(text)) if text.contains("cluster")), "{refused:?}");
    });
}
