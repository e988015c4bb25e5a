//! Which name was meant by one that there is not.

use std::cmp::Reverse;

/// Names that differ by more are not meant: one typing error in four letters.
const LETTERS_FOR_ONE_ERROR: usize = 4;

/// The nearest of the known names; none where what was written is no typing error of it.
pub fn meant<'k>(wrong: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let distances = known.into_iter().map(|name| (strsim::osa_distance(name, wrong), name));
    let (distance, nearest) = distances.min_by_key(|(distance, name)| (*distance, Reverse(name.len())))?;
    (distance <= 1 + wrong.len() / LETTERS_FOR_ONE_ERROR).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typing_error_means_the_nearest_name() {
        let known = ["epochs", "epoch_size", "lr"];
        for (wrong, right) in [("epoch", Some("epochs")), ("epohcs", Some("epochs")), ("Lr", Some("lr"))] {
            assert_eq!(meant(wrong, known), right, "{wrong}");
        }
    }

    #[test]
    fn what_is_no_typing_error_means_nothing() {
        assert_eq!(meant("optimizer", ["epochs", "lr"]), None);
        assert_eq!(meant("x", []), None);
    }
}
