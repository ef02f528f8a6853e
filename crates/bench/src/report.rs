//! Medians and markdown tables.

use std::fmt;

/// Samples of one quantity, in the order they were taken.
#[derive(Clone, Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    /// Adds a sample.
    pub fn push(&mut self, sample: f64) {
        self.0.push(sample);
    }

    /// The middle sample, the mean of the two middle ones of an even number, or NaN of none.
    #[must_use]
    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        match (sorted.len(), sorted.len() / 2) {
            (0, _) => f64::NAN,
            (length, middle) if length % 2 == 1 => sorted[middle],
            (_, middle) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// The smallest sample, or NaN.
    #[must_use]
    pub fn least(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::min)
    }

    /// The largest sample, or NaN.
    #[must_use]
    pub fn most(&self) -> f64 {
        self.0.iter().copied().fold(f64::NAN, f64::max)
    }

    /// Each sample divided by the other's of the same round.
    ///
    /// What slows the machine for some seconds slows both, so these quotients scatter less than the
    /// samples.
    #[must_use]
    pub fn relative_to(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(sample, other)| sample / other).collect())
    }

    /// What each sample is over the other's of the same round.
    #[must_use]
    pub fn beyond(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(sample, other)| sample - other).collect())
    }
}

/// A number with three digits that count, also if it is small.
#[must_use]
pub fn three_digits(number: f64) -> String {
    let bounds = [100.0, 10.0, 1.0, 0.1, 0.01, 0.001, 0.000_1, 0.000_01];
    let decimals = bounds.iter().take_while(|&&bound| number < bound).count();
    format!("{number:.decimals$}")
}

/// A markdown table with aligned columns: the first to the left, the others to the right.
#[derive(Debug)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Starts a table with these column titles.
    #[must_use]
    pub fn new<const N: usize>(titles: [&str; N]) -> Self {
        Self { rows: vec![titles.map(str::to_owned).to_vec()] }
    }

    /// Adds a row of as many cells as there are titles.
    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.rows[0].len());
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.rows[0].len())
            .map(|column| {
                self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0).max(2)
            })
            .collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(f, "| {cell:width$} |")?,
                    _ => write!(f, " {cell:>width$} |")?,
                }
            }
            writeln!(f)?;
            if index == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(f, "|:{:-<width$}-|", "")?,
                        _ => write!(f, "-{:-<width$}:|", "")?,
                    }
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_unsorted_samples() {
        let mut samples = Samples::default();
        assert!(samples.median().is_nan());
        for (sample, median) in [(3.0, 3.0), (1.0, 2.0), (9.0, 3.0)] {
            samples.push(sample);
            assert_eq!(samples.median(), median);
        }
        assert_eq!((samples.least(), samples.most()), (1.0, 9.0));
        assert_eq!(samples.relative_to(&samples).median(), 1.0);
    }

    #[test]
    fn three_digits_count() {
        for (number, text) in
            [(1234.0, "1234"), (42.0, "42.0"), (0.5, "0.500"), (0.000_28, "0.000280")]
        {
            assert_eq!(three_digits(number), text);
        }
    }

    #[test]
    fn table_is_markdown() {
        let mut table = Table::new(["server", "ns"]);
        table.row(vec!["ours".into(), "1234".into()]);
        assert_eq!(table.to_string(), "| server |   ns |\n|:-------|-----:|\n| ours   | 1234 |\n");
    }
}
