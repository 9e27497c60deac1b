//! What an error tells, with everything that caused it.

use std::error::Error;

/// The texts of an error, of its source, and so on. No text repeats the one of its source.
#[track_caller]
pub(crate) fn told(error: &(dyn Error + 'static)) -> Vec<String> {
    let (mut texts, mut next) = (Vec::new(), Some(error));
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    for pair in texts.windows(2) {
        assert!(!pair[0].contains(&pair[1]), "told twice: {texts:?}");
    }
    assert!(texts.iter().all(|text| !text.is_empty()), "{texts:?}");
    texts
}

/// The same in one line.
#[track_caller]
pub(crate) fn in_one_line(error: &(dyn Error + 'static)) -> String {
    told(error).join(": ")
}
