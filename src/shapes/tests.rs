//! Tests of the table of shapes alone.

use super::*;
use crate::options::Rules;

fn names<'a>(of: &[&'a str], rules: &Rules) -> Vec<(u8, &'a [u8])> {
    of.iter().map(|name| (rules.tag(name.as_bytes()), name.as_bytes())).collect()
}

fn learn(shapes: &Shapes, of: &[&str], rules: &Rules) -> Option<u8> {
    shapes.learn(&names(of, rules), |_| true)
}

/// The names of the shape to which a step leads.
fn listed(shapes: &Shapes, id: u8) -> Vec<&[u8]> {
    let shape = shapes.get(id);
    (0..shape.fields()).map(|index| shape.name(index)).collect()
}

#[test]
fn steps_lead_to_shapes_with_one_name_more_or_less_in_the_same_order() {
    let (rules, shapes) = (Rules::default(), Shapes::new(Learning::EAGER));
    let [ab, abc, xab, cba] = [&["a", "b"][..], &["a", "b", "c"], &["x", "a", "b"], &["c", "b", "a", "d"]]
        .map(|of| learn(&shapes, of, &rules).unwrap());
    assert_eq!(learn(&shapes, &["b", "a"], &rules), Some(ab), "the order does not make another shape");
    assert_eq!(shapes.count(), 4);
    for turn in 0..2 {
        let with = |from, name: &str| shapes.with(from, rules.tag(name.as_bytes()), name.as_bytes());
        assert_eq!((with(ab, "c"), with(ab, "x")), (Some((abc, 2)), Some((xab, 0))), "turn {turn}");
        assert_eq!((with(ab, "y"), with(abc, "d"), with(cba, "z")), (None, None, None), "turn {turn}");
        assert_eq!((shapes.without(abc, 2), shapes.without(xab, 0)), (Some(ab), Some(ab)), "turn {turn}");
        assert_eq!((shapes.without(abc, 0), shapes.without(ab, 0)), (None, None), "turn {turn}");
        shapes.validate(|name| rules.tag(name));
    }
    assert_eq!(listed(&shapes, xab), [b"x", b"a", b"b"]);
    assert!([2, 3, 4].iter().all(|fields| shapes.may_have(*fields)));
}

/// Tags have few values. So different names have the same tags, and the same prints.
#[test]
fn shapes_of_the_same_print_are_told_apart_by_their_names() {
    let (rules, shapes) = (Rules::default(), Shapes::new(Learning::EAGER));
    let all: Vec<String> = (0..20_000).map(|n| format!("name:{n}")).collect();
    let tag = rules.tag(all[0].as_bytes());
    let all = all.iter().map(String::as_str);
    let same: Vec<&str> = all.filter(|name| rules.tag(name.as_bytes()) == tag).take(6).collect();
    assert_eq!(same.len(), 6, "20,000 names have at most 256 tags");
    let single: Vec<u8> = same.iter().map(|name| learn(&shapes, &[name], &rules).unwrap()).collect();
    assert_eq!(single, [0, 1, 2, 3, 4, 5]);
    let pair = learn(&shapes, &same[..2], &rules).unwrap();
    for _ in 0..2 {
        assert_eq!(shapes.with(single[0], tag, same[1].as_bytes()), Some((pair, 1)));
        assert_eq!(shapes.with(single[1], tag, same[0].as_bytes()), Some((pair, 0)));
        assert_eq!(shapes.with(single[0], tag, same[2].as_bytes()), None);
        assert_eq!([0, 1].map(|index| shapes.without(pair, index)), [Some(single[1]), Some(single[0])]);
    }
    let all = learn(&shapes, &same, &rules).unwrap();
    for (index, name) in same.iter().enumerate() {
        assert_eq!(shapes.get(all).find(tag, name.as_bytes()), Some(index));
    }
    assert_eq!(shapes.get(all).find(tag, b"no name"), None);
    shapes.validate(|name| rules.tag(name));
}

#[test]
fn what_is_learned_has_its_limits() {
    let (rules, shapes) = (Rules::default(), Shapes::new(Learning::default()));
    let name = |len: usize| "n".repeat(len);
    assert!(!is_worth_it(11, 1, 6 * 12 + 1), "a name of 10 bytes in a block of 73");
    assert!(is_worth_it(11, 1, 6 * 12));
    assert_eq!(shapes.learn(&names(&["a", "b"], &rules), |_| false), None, "there is no room");
    assert_eq!((shapes.count(), shapes.may_have(2)), (0, false));
    assert_eq!(learn(&shapes, &[&name(1_000), &name(1_045)], &rules), None, "2,049 bytes with their lengths");
    assert_eq!(learn(&shapes, &[&name(1_000), &name(1_044)], &rules), Some(0));
    let many: Vec<String> = (0..129).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!((learn(&shapes, &many, &rules), learn(&shapes, &many[1..], &rules)), (None, Some(1)));
    let small = Shapes::new(Learning::default());
    assert_eq!(learn(&small, &many[1..], &rules), Some(0));
    let full = Shapes::new(Learning { most_bytes: small.heap_bytes() + 1_000, ..Learning::default() });
    assert_eq!(learn(&full, &many[1..], &rules), Some(0));
    assert_eq!(learn(&full, &[&name(1_000), &name(1_044)], &rules), None, "it takes too many bytes");
    for n in 2..MOST_SHAPES + 10 {
        let learned = learn(&shapes, &[&format!("kind {n}"), "name"], &rules);
        assert_eq!(learned, u8::try_from(n).ok());
        assert_eq!(shapes.are_full(), n >= MOST_SHAPES - 1);
    }
    shapes.validate(|name| rules.tag(name));
}

/// A kind is learned when sixteen of its hashes were seen, or more if its names are short. A kind that is rarer than
/// another one of the same slot is not.
#[test]
fn what_is_seen_adds_up() {
    let shapes = Shapes::new(Learning::default());
    let see = |names: u64, name_bytes: usize, hashes: u32| {
        shapes.see(Kind { names: names << 32, fields: 3, name_bytes }, hashes, |_| true)
    };
    assert!(!see(1, 50, 100) && shapes.known.get().is_none(), "the tables would take more than that saves");
    assert!(!shapes.see(Kind { names: 1, fields: 3, name_bytes: 50 }, 1_000, |_| false), "there is no room");
    assert!(!see(2, 2_000, 7), "the tables are made");
    assert_eq!([11, 5, 3].map(|hashes| see(1, 50, hashes)), [false, false, true], "10, 4 and 2 beside the first ones");
    assert_eq!([2; 16].map(|hashes| see(4, 50, hashes)).iter().position(|is_enough| *is_enough), Some(14));
    let short = Kind { names: 0, fields: 3, name_bytes: 3 };
    let needed = short.shape_bytes().div_ceil(short.saved_bytes());
    assert!(needed > SAME && !see(3, 3, needed as u32 - 1) && see(3, 3, 2));
    for _ in 0..20 {
        assert!(!see(5, 50, 3), "the same slot, but not the same number");
        see(5 + SEEN_SLOTS as u64, 50, 6);
    }
    assert!(see(5 + SEEN_SLOTS as u64, 50, 6));
}
