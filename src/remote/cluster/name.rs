//! The name of a cluster: some of its servers, and the user.

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::remote::RemoteError;

/// What names begin with.
pub(crate) const SCHEME: &str = "redis+cluster://";

/// Reads `redis+cluster://[user][:password@]host[:port],host[:port],…`.
pub(super) fn read(name: &str) -> Result<Vec<ConnectionInfo>, RemoteError> {
    let none = || RemoteError::Unsupported(format!("the name of a cluster does not begin with {SCHEME}"));
    let rest = name.strip_prefix(SCHEME).ok_or_else(none)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, hosts) = rest.rsplit_once('@').map_or(("", rest), |(user, hosts)| (user, hosts));
    let at = if user.is_empty() { "" } else { "@" };
    let server = |host: &str| {
        // Text such as a path or a second scheme would be taken for something else.
        if host.is_empty() || host.contains(['/', '?', '#']) {
            return Err(RemoteError::Unsupported("the name of a cluster has a server without a host".into()));
        }
        Ok(format!("redis://{user}{at}{host}").into_connection_info()?)
    };
    hosts.split(',').map(server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_servers_and_a_user() {
        let read = |name| {
            let infos = read(name)?;
            let info = |info: &ConnectionInfo| {
                let settings = info.redis_settings();
                format!("{:?} {:?} {}", settings.username(), settings.password(), info.addr())
            };
            Ok(infos.iter().map(info).collect::<Vec<_>>())
        };
        let ok = |name| -> Vec<String> { read(name).unwrap_or_else(|error: RemoteError| panic!("{name}: {error}")) };
        assert_eq!(ok("redis+cluster://a"), ["None None a:6379"]);
        assert_eq!(ok("redis+cluster://a:1,b,[::1]:3/"), ["None None a:1", "None None b:6379", "None None ::1:3"]);
        assert_eq!(
            ok("redis+cluster://ada:p%40w@a:1,b:2"),
            [r#"Some("ada") Some("p@w") a:1"#, r#"Some("ada") Some("p@w") b:2"#]
        );
        assert_eq!(ok("redis+cluster://:pw@a"), [r#"None Some("pw") a:6379"#]);
        for name in [
            "",
            "redis://a",
            "redis+cluster:",
            "redis+cluster://",
            "redis+cluster://a,,b",
            "redis+cluster://a:x",
            "redis+cluster://a/1",
            "redis+cluster://a?db=1",
        ] {
            assert!(matches!(read(name), Err(RemoteError::Unsupported(_))), "{name}");
        }
    }
}
