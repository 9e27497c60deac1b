//! Hashes that take and lose shapes, beside the same hashes without.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::random::Random;
use crate::shapes::Learning;
use crate::time::Deadline;

type Contents = (Deadline, BTreeMap<Vec<u8>, (Vec<u8>, Deadline)>);

fn contents(packed: &Packed, rules: &Rules) -> Contents {
    let fields = packed.pairs(rules).map(|(tag, (field, value))| {
        let (index, _) = packed.find(tag, field, rules).unwrap();
        (field.to_vec(), (value.to_vec(), packed.field_deadline(index)))
    });
    (packed.deadline(), fields.collect())
}

fn learn(packed: &mut Packed, shapes: &Shapes, rules: &Rules) {
    if packed.lacks_shape() && !packed.take_shape(shapes, rules) {
        packed.learn_shape(shapes, rules, |_| true);
        packed.take_shape(shapes, rules);
    }
}

/// Whatever is done to a hash that takes and loses shapes, it has the contents of one without shapes, and takes no
/// more bytes than it.
#[test]
fn a_hash_with_a_shape_is_the_hash_without_one() {
    let plain_rules = Rules::default();
    let mut shaped_turns = 0;
    for (key, names) in [("", 6), ("k", 12), ("a key of more than a hundred and twenty-seven bytes", 150)] {
        let key = key.repeat(3);
        let shapes = Some(Arc::new(Shapes::new(Learning::EAGER)));
        let rules = Rules { shapes, ..plain_rules.clone() };
        let shapes = rules.shapes.as_deref().unwrap();
        let mut random = Random::seeded(5);
        let [mut shaped, mut plain] = [(); 2].map(|()| Packed::new(Mark::default(), key.as_bytes()));
        for turn in 0..20_000 {
            let field = format!("field:{}", random.below(names));
            let (field, tag) = (field.as_bytes(), rules.tag(field.as_bytes()));
            let found = shaped.find(tag, field, &rules);
            let other = plain.find(tag, field, &plain_rules);
            assert_eq!(found.as_ref().map(|it| shaped.value(it)), other.as_ref().map(|it| plain.value(it)));
            let deadline = Deadline::from_bytes((1 + random.below(3) as u64).to_le_bytes());
            let deadline = if random.below(2) == 0 { Deadline::NEVER } else { deadline };
            match (random.below(10), found, other) {
                (0..3, Some((index, _)), Some((other, _))) => {
                    if plain.len() == 1 {
                        [&mut shaped, &mut plain].into_iter().for_each(|it| it.set_deadline(Deadline::NEVER));
                    }
                    shaped.remove_all_at(&[index], &rules);
                    plain.remove_all_at(&[other], &plain_rules);
                }
                (3, Some((index, _)), Some((other, _))) => {
                    shaped.set_field_deadline(index, deadline);
                    plain.set_field_deadline(other, deadline);
                }
                (4, Some(_), _) => [&mut shaped, &mut plain].into_iter().for_each(|it| it.set_deadline(deadline)),
                (5, Some(_), _) => {
                    shaped = shaped.with_key(Mark::default(), key.as_bytes());
                    let mut image = Vec::new();
                    shaped.write_image(&mut image, rules.shapes.as_deref());
                    let mut other = Vec::new();
                    let mut without = shaped.clone();
                    without.leave_shape(&rules);
                    without.write_image(&mut other, None);
                    assert_eq!(image, other, "a snapshot knows no shapes");
                    assert_eq!(contents(&without, &plain_rules), contents(&plain, &plain_rules));
                }
                (_, found, other) => {
                    let value = vec![b'v'; random.below(if turn % 1_000 < 500 { 6 } else { 60 })];
                    assert_eq!(shaped.put_found(found, (tag, field, &value), &rules), other.is_none());
                    plain.put_found(other, (tag, field, &value), &plain_rules);
                }
            }
            if random.below(3) > 0 {
                learn(&mut shaped, shapes, &rules);
            }
            shaped_turns += usize::from(shaped.is_shaped());
            shaped.validate(&rules);
            assert_eq!(contents(&shaped, &rules), contents(&plain, &plain_rules));
            assert_eq!(shaped.size(&rules), plain.size(&plain_rules));
            let [mut least, mut other] = [shaped.clone(), plain.clone()];
            [&mut least, &mut other].into_iter().for_each(Packed::shrink_to_fit);
            assert!(least.heap_bytes() <= other.heap_bytes());
        }
    }
    assert!(shaped_turns > 10_000, "{shaped_turns}");
}

/// Names of many hashes at once lead to the same shape as names that are set one by one, in any order.
#[test]
fn the_same_names_have_one_shape() {
    let shapes = Some(Arc::new(Shapes::new(Learning::EAGER)));
    let rules = Rules { shapes, ..Rules::default() };
    let shapes = rules.shapes.as_deref().unwrap();
    let names: Vec<String> = (0..20).map(|n| format!("name:{n}")).collect();
    let pairs: Vec<Pair<'_>> = names.iter().map(|name| (name.as_bytes(), name.as_bytes())).collect();
    let mut first = Packed::new(Mark::default(), b"first");
    assert!(!first.put_known(&pairs, &rules), "nothing is known yet");
    for &(field, value) in &pairs {
        first.put_found(None, (rules.tag(field), field, value), &rules);
    }
    learn(&mut first, shapes, &rules);
    assert!(first.is_shaped());
    assert_eq!(shapes.count(), 1);
    for turn in 0..20 {
        let mut turned = pairs.clone();
        turned.rotate_left(turn);
        let mut other = Packed::new(Mark::default(), b"other");
        assert!(other.put_known(&turned, &rules));
        other.validate(&rules);
        assert_eq!(contents(&other, &rules), contents(&first, &rules));
        let mut repeated = turned.clone();
        repeated[1] = repeated[0];
        assert!(!Packed::new(Mark::default(), b"other").put_known(&repeated, &rules), "a name stands twice");
    }
    assert_eq!(shapes.count(), 1);
}
