//! Which Python versions a Spark version runs.

use super::request::SparkVersion;

/// The lowest Python of a Spark version and those after it, newest first:
/// `python_requires` of pyspark.
const FLOORS: [((u32, u32), (u32, u32)); 6] = [
    ((4, 3), (3, 11)),
    ((4, 1), (3, 10)),
    ((4, 0), (3, 9)),
    ((3, 5), (3, 8)),
    ((3, 3), (3, 7)),
    ((3, 1), (3, 6)),
];

/// Says so if a Spark version can't run a Python version, given as `3.11`.
#[must_use]
pub fn python_support(spark: SparkVersion, python_minor: &str) -> Option<String> {
    let (major, minor) = python_minor.split_once('.')?;
    let python: (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
    let version = (spark.major, spark.minor);
    let floor = FLOORS.into_iter().find(|(from, _)| version >= *from).map(|(_, floor)| floor);
    if let Some((major, minor)) = floor.filter(|floor| python < *floor) {
        return Some(format!(
            "Spark {spark} needs Python {major}.{minor} or later, and this is Python {python_minor}"
        ));
    }
    // Its own cloudpickle fails on the new code objects: `tuple index out of range`.
    (version <= (3, 3) && python >= (3, 11)).then(|| {
        format!(
            "Spark {spark} can't pickle functions of Python 3.11 or later, and this is Python {python_minor}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_python_rises_with_spark() {
        for (spark, lowest, below) in [
            ("3.1.3", "3.6", "3.5"),
            ("3.2", "3.6", "3.5"),
            ("3.3.4", "3.7", "3.6"),
            ("3.4", "3.7", "3.6"),
            ("3.5.8", "3.8", "3.7"),
            ("4.0.4", "3.9", "3.8"),
            ("4.1", "3.10", "3.9"),
            ("4.3.0", "3.11", "3.10"),
        ] {
            let spark = spark.parse().unwrap();
            assert_eq!(python_support(spark, lowest), None);
            assert!(python_support(spark, below).is_some(), "{spark}");
        }
    }

    #[test]
    fn old_spark_fails_on_new_python() {
        let said = python_support("3.3".parse().unwrap(), "3.11").unwrap();
        assert_eq!(said, "Spark 3.3 can't pickle functions of Python 3.11 or later, and this is Python 3.11");
        assert_eq!(python_support("3.3".parse().unwrap(), "3.10"), None);
        assert_eq!(python_support("3.4".parse().unwrap(), "3.11"), None);
    }
}
