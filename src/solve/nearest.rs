//! Names that look like a name, for those who mistyped it.

/// At most three of `names` that are near to `name`, the nearest first.
///
/// Near is a third of its letters wrong at most, a swap of neighbours counting
/// as one; or a longer name that begins with it.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let limit = (name.chars().count() / 3).max(1);
    let mut near: Vec<_> = names
        .filter(|other| *other != name)
        .filter_map(|other| {
            let distance = distance(name, other);
            if distance <= limit {
                Some((distance, other))
            } else {
                let begins = name.len() >= 4 && other.starts_with(name) && other.len() <= name.len() * 2;
                begins.then_some((limit + 1, other))
            }
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// The number of letters to insert, delete, replace or swap with a neighbour
/// (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_found() {
        let names = ["numpy", "pandas", "numba", "python", "pyarrow", "scikit-learn"];
        let near = |name| nearest(name, names.into_iter());
        assert_eq!(near("nupmy"), ["numpy"]);
        assert_eq!(near("pandsa"), ["pandas"]);
        assert_eq!(near("scikit"), ["scikit-learn"]);
        assert!(near("tensorflow").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn the_distance_is_symmetric_and_zero_only_to_itself(a in "[a-c]{0,6}", b in "[a-c]{0,6}") {
            proptest::prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            proptest::prop_assert_eq!(distance(&a, &b) == 0, a == b);
        }
    }
}
