//! What calls on a server mean: the same as on a store.

use hashlet::Remote;

use super::rounds;
use super::servers::each;

/// Each server gets this many commands at full scale.
const COMMANDS: f64 = 100_000.0;

#[test]
fn a_server_answers_as_a_store() {
    each("commands", 1, |server| rounds::run(server.name, COMMANDS, || server.open(), |_| false));
}

/// A server that is no server, and a URL that is none.
#[test]
fn what_cannot_be_opened_is_refused() {
    use hashlet::RemoteError::{Unsupported, Wire};
    assert!(matches!(Remote::open("redis://127.0.0.1:1/"), Err(Wire(_))));
    assert!(matches!(Remote::open("unix:///nowhere/socket"), Err(Wire(_))));
    for url in ["", "nothing", "http://127.0.0.1/"] {
        assert!(matches!(Remote::open(url), Err(Unsupported(_) | Wire(_))), "{url}");
    }
}
