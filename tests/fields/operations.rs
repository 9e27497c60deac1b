//! The promises of each field operation, on every configuration.

use crate::support::config::on_every_configuration;

fn bytes(text: &str) -> Vec<u8> {
    text.into()
}

fn sorted(mut list: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    list.sort_unstable();
    list
}

#[test]
fn a_missing_key_reads_as_an_empty_hash() {
    on_every_configuration(|_, store| {
        assert_eq!(store.get("k", "f"), None);
        assert_eq!(store.get_many("k", ["f", "g"]), [None, None]);
        assert!(store.get_all("k").is_empty());
        assert!(store.fields("k").is_empty());
        assert!(store.values("k").is_empty());
        assert!(!store.contains("k", "f"));
        assert_eq!(store.value_len("k", "f"), None);
        assert_eq!(store.size("k"), 0);
        assert!(!store.remove("k", "f"));
        assert_eq!(store.remove_many("k", ["f", "g"]), 0);
        assert_eq!(store.take("k", "f"), None);
        assert!(store.read("k", |hash| hash.is_empty() && hash.iter().next().is_none()));
        assert!(store.is_empty(), "reading files no key");
    });
}

#[test]
fn set_says_whether_the_field_is_new() {
    on_every_configuration(|_, store| {
        assert_eq!(store.set("k", "f", "1"), Ok(true));
        assert_eq!(store.set("k", "f", "1"), Ok(false));
        assert_eq!(store.set("k", "g", "1"), Ok(true));
        assert_eq!(store.set("other", "f", "1"), Ok(true));
        assert_eq!(store.size("k"), 2);
    });
}

#[test]
fn set_replaces_the_whole_value() {
    on_every_configuration(|_, store| {
        for value in ["middling", "", "a rather longer value than any before", "short", "trohs", "middling"] {
            store.set("k", "before", "b").unwrap();
            store.set("k", "f", value).unwrap();
            store.set("k", "after", "a").unwrap();
            assert_eq!(store.get("k", "f"), Some(bytes(value)));
            assert_eq!(store.value_len("k", "f"), Some(value.len()));
            assert_eq!(store.get_many("k", ["before", "after"]), [Some(bytes("b")), Some(bytes("a"))]);
        }
    });
}

#[test]
fn any_bytes_are_a_key_a_field_and_a_value() {
    let strings: [&[u8]; 8] = [b"", b"\0", b"\0\0", b"\xff", b"\xff\0", b"a", b"a\0", &[0x80; 200]];
    on_every_configuration(|_, store| {
        for key in strings {
            let pairs = strings.into_iter().zip(strings.into_iter().rev());
            assert_eq!(store.set_many(key, pairs), Ok(strings.len()));
        }
        for key in strings {
            for (field, value) in strings.into_iter().zip(strings.into_iter().rev()) {
                assert_eq!(store.get(key, field).as_deref(), Some(value));
            }
        }
        assert_eq!(store.key_count(), strings.len());
    });
}

#[test]
fn fields_that_resemble_each_other_stay_apart() {
    on_every_configuration(|_, store| {
        let names: Vec<String> =
            (0..700).map(|n| if n < 350 { format!("field{n}") } else { "x".repeat(n - 349) }).collect();
        for (n, name) in names.iter().enumerate() {
            assert_eq!(store.set("k", name, n.to_string()), Ok(true));
        }
        for (n, name) in names.iter().enumerate() {
            assert_eq!(store.get("k", name), Some(n.to_string().into_bytes()));
            assert!(!store.contains("k", format!("{name}?")));
        }
    });
}

#[test]
fn set_many_counts_a_new_field_once_and_keeps_its_last_value() {
    on_every_configuration(|_, store| {
        store.set("k", "old", "0").unwrap();
        let pairs = [("old", "1"), ("new", "1"), ("old", "2"), ("new", "2"), ("newer", ""), ("new", "a longer third")];
        assert_eq!(store.set_many("k", pairs), Ok(2));
        assert_eq!(
            store.get_many("k", ["old", "new", "newer"]),
            [Some(bytes("2")), Some(bytes("a longer third")), Some(bytes(""))]
        );
        assert_eq!(store.size("k"), 3);
    });
}

#[test]
fn set_many_of_nothing_files_no_key() {
    on_every_configuration(|_, store| {
        assert_eq!(store.set_many("k", [("", ""); 0]), Ok(0));
        assert!(!store.contains_key("k"));
    });
}

#[test]
fn set_if_absent_never_overwrites() {
    on_every_configuration(|_, store| {
        assert_eq!(store.set_if_absent("k", "f", "first"), Ok(true));
        assert_eq!(store.set_if_absent("k", "f", "second"), Ok(false));
        assert_eq!(store.get("k", "f"), Some(bytes("first")));
    });
}

#[test]
fn compare_and_set_acts_only_on_what_it_expected() {
    type Text = Option<&'static str>;
    // The present value, the expected one, the new one, the answer, and the value afterwards.
    let cases: [(Text, Text, Text, bool, Text); 11] = [
        (None, None, Some("new"), true, Some("new")),
        (None, None, None, true, None),
        (None, Some("x"), Some("new"), false, None),
        (None, Some(""), Some("new"), false, None),
        (Some("x"), None, Some("new"), false, Some("x")),
        (Some("x"), Some("y"), Some("new"), false, Some("x")),
        (Some("x"), Some("xx"), None, false, Some("x")),
        (Some("x"), Some("x"), Some("new"), true, Some("new")),
        (Some("x"), Some("x"), Some("x"), true, Some("x")),
        (Some("x"), Some("x"), None, true, None),
        (Some(""), Some(""), Some("new"), true, Some("new")),
    ];
    on_every_configuration(|_, store| {
        for (before, expected, new, answer, after) in cases {
            store.clear("k");
            if let Some(value) = before {
                store.set("k", "f", value).unwrap();
            }
            let [expected, new] = [expected, new].map(|text| text.map(str::as_bytes));
            assert_eq!(store.compare_and_set("k", "f", expected, new), Ok(answer), "{before:?} {expected:?} {new:?}");
            assert_eq!(store.get("k", "f"), after.map(bytes));
            assert_eq!(store.contains_key("k"), after.is_some());
        }
    });
}

#[test]
fn get_many_answers_in_the_order_asked() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("a", "1"), ("b", ""), ("c", "3")]).unwrap();
        let asked = store.get_many("k", ["c", "missing", "a", "c", "b"]);
        assert_eq!(asked, [Some(bytes("3")), None, Some(bytes("1")), Some(bytes("3")), Some(bytes(""))]);
        assert!(store.get_many("k", [""; 0]).is_empty());
    });
}

#[test]
fn whole_hash_reads_agree() {
    on_every_configuration(|_, store| {
        for n in 0..50 {
            let (field, value) = (format!("f{n}"), format!("v{}", n % 7));
            store.set("k", field, value).unwrap();
            let all = store.get_all("k");
            assert_eq!(all.len(), n + 1);
            assert_eq!(store.size("k"), n + 1);
            assert_eq!(sorted(store.fields("k")), sorted(all.iter().map(|(field, _)| field.to_vec()).collect()));
            assert_eq!(sorted(store.values("k")), sorted(all.iter().map(|(_, value)| value.to_vec()).collect()));
            store.read("k", |hash| {
                assert_eq!(hash.iter().len(), n + 1);
                assert!(
                    hash.iter().all(|(field, value)| all.get(field) == Some(value) && hash.get(field) == Some(value))
                );
            });
        }
    });
}

#[test]
fn value_len_and_contains_tell_empty_from_missing() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("empty", ""), ("long", &"x".repeat(300))]).unwrap();
        assert_eq!(
            [store.value_len("k", "empty"), store.value_len("k", "long"), store.value_len("k", "none")],
            [Some(0), Some(300), None]
        );
        assert_eq!(
            [store.contains("k", "empty"), store.contains("k", "long"), store.contains("k", "none")],
            [true, true, false]
        );
    });
}

#[test]
fn remove_says_whether_the_field_was_there() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("a", "1"), ("b", "2")]).unwrap();
        assert!(store.remove("k", "a"));
        assert!(!store.remove("k", "a"));
        assert_eq!(store.get_all("k").iter().collect::<Vec<_>>(), [(&b"b"[..], &b"2"[..])]);
    });
}

#[test]
fn remove_many_counts_each_field_once() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("a", "1"), ("b", "2"), ("c", "3")]).unwrap();
        assert_eq!(store.remove_many("k", ["a", "missing", "c", "a"]), 2);
        assert_eq!(store.fields("k"), [bytes("b")]);
        assert_eq!(store.remove_many("k", [""; 0]), 0);
    });
}

#[test]
fn take_gives_the_value_it_removes() {
    on_every_configuration(|_, store| {
        store.set_many("k", [("a", "1"), ("b", "")]).unwrap();
        assert_eq!(store.take("k", "a"), Some(bytes("1")));
        assert_eq!(store.take("k", "a"), None);
        assert_eq!(store.take("k", "b"), Some(bytes("")));
        store.set_many("k", [("a", "1"), ("b", "2")]).unwrap();
        assert_eq!(store.take_many("k", ["b", "none", "a", "b"]), [Some(bytes("2")), None, Some(bytes("1")), None]);
        assert_eq!(store.take_many("nowhere", ["a", "b"]), [None, None]);
        assert_eq!(store.take_many("k", ["a"]), [None]);
        assert!(!store.contains_key("k"));
    });
}

#[test]
fn removing_in_any_order_leaves_the_rest() {
    on_every_configuration(|_, store| {
        for step in [1, 3, 7, 39] {
            let field = |n: usize| format!("f{}", n * step % 40);
            store.set_many("k", (0..40).map(|n| (field(n), field(n)))).unwrap();
            for gone in 0..40 {
                assert_eq!(store.take("k", field(gone)), Some(field(gone).into_bytes()));
                assert_eq!(store.size("k"), 39 - gone);
                assert!((gone + 1..40).all(|left| store.get("k", field(left)) == Some(field(left).into_bytes())));
            }
        }
    });
}

#[test]
fn update_sees_its_own_writes_and_returns_what_the_closure_returns() {
    on_every_configuration(|_, store| {
        let answer = store.update("k", |hash| -> hashlet::Result<usize> {
            assert!(hash.is_empty());
            hash.set("a", "1")?;
            hash.set_many([("b", "2"), ("c", "3")])?;
            assert_eq!(hash.get("b"), Some(&b"2"[..]));
            assert_eq!(hash.increment("a", 9)?, 10);
            assert!(hash.remove("c"));
            assert!(hash.contains("a") && !hash.contains("c"));
            assert_eq!(hash.view().iter().len(), 2);
            Ok(hash.len())
        });
        assert_eq!(answer, Ok(2));
        assert_eq!(store.get_many("k", ["a", "b", "c"]), [Some(bytes("10")), Some(bytes("2")), None]);
    });
}

#[test]
fn an_error_in_update_keeps_what_was_done_before_it() {
    on_every_configuration(|_, store| {
        let failed = store.update("k", |hash| {
            hash.set("a", "text")?;
            hash.increment("a", 1)
        });
        assert_eq!(failed, Err(hashlet::Error::NotAnInteger));
        assert_eq!(store.get("k", "a"), Some(bytes("text")));
    });
}
