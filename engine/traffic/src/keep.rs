//! How much of what was recorded is kept.

use crate::index::beside;
use crate::segment::is_ours;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::{Duration, SystemTime};

/// Bounds of a folder of segments; everything is kept where there are none. A size never costs the newest segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// Segments that were written last longer ago are removed.
    pub age: Option<Duration>,
    /// The oldest are removed while all together have more bytes.
    pub bytes: Option<u64>,
}

impl FromStr for Keep {
    type Err = String;

    /// `30d`, `12h`, `50GB`, `500MB`, or an age and a size with a comma between them.
    fn from_str(text: &str) -> Result<Self, String> {
        const AGES: [(&str, u64); 2] = [("d", 86_400), ("h", 3_600)];
        const SIZES: [(&str, u64); 3] = [
            ("TB", 1_000_000_000_000),
            ("GB", 1_000_000_000),
            ("MB", 1_000_000),
        ];
        let mut keep = Self::default();
        for part in text.split(',').map(str::trim) {
            let of = |units: &[(&str, u64)]| {
                units.iter().find_map(|(unit, worth)| {
                    let number: u64 = part.strip_suffix(unit)?.trim().parse().ok()?;
                    number.checked_mul(*worth).filter(|n| *n > 0)
                })
            };
            match (of(&AGES), of(&SIZES)) {
                (Some(seconds), _) => keep.age = Some(Duration::from_secs(seconds)),
                (_, Some(bytes)) => keep.bytes = Some(bytes),
                _ => {
                    return Err(format!(
                        "`{part}` is no bound of what is kept; write an age such as `30d` or `12h`, a size such as `50GB` or `500MB`, \
                         or both: `30d,50GB`"
                    ));
                }
            }
        }
        Ok(keep)
    }
}

impl Keep {
    /// Removes segments that are kept no longer, the oldest first; never the one that is `open`.
    pub(crate) fn clear(self, dir: &Path, open: Option<&Path>, now: SystemTime) -> io::Result<()> {
        if self == Self::default() {
            return Ok(());
        }
        let mut segments: Vec<(PathBuf, u64, SystemTime)> = Vec::new();
        let entries = match fs::read_dir(dir) {
            // Nothing is in it; who writes will tell that it is gone.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            if entry.file_name().to_str().is_some_and(is_ours) {
                let about = entry.metadata()?;
                segments.push((entry.path(), about.len(), about.modified()?));
            }
        }
        segments.sort();
        let mut bytes: u64 = segments.iter().map(|(_, bytes, _)| bytes).sum();
        let newest = segments.last().map(|(path, ..)| path.clone());
        for (path, size, written) in segments {
            let age = now.duration_since(written).unwrap_or_default();
            let too_old = self.age.is_some_and(|most| age > most);
            let too_much =
                self.bytes.is_some_and(|most| bytes > most) && newest.as_ref() != Some(&path);
            if (too_old || too_much) && open != Some(path.as_path()) {
                fs::remove_file(&path)?;
                // A segment that a crash left has none.
                let _ = fs::remove_file(beside(&path));
                bytes -= size;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_an_age_a_size_or_both() {
        let keep = |text: &str| {
            text.parse::<Keep>()
                .map(|k| (k.age.map(|a| a.as_secs()), k.bytes))
        };
        assert_eq!(keep("30d"), Ok((Some(30 * 86_400), None)));
        assert_eq!(keep("50GB"), Ok((None, Some(50_000_000_000))));
        assert_eq!(keep("12h, 500MB"), Ok((Some(43_200), Some(500_000_000))));
        for text in [
            "",
            "30",
            "d",
            "0d",
            "-1d",
            "5 parsecs",
            "99999999999999999999d",
            "18446744073709551615GB",
        ] {
            assert!(keep(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_older_than_is_kept_goes_but_for_what_is_being_written() {
        let dir = tempfile::tempdir().unwrap();
        let names = [
            "0000000000001-0000.jsonl.zst",
            "0000000000002-0000.jsonl.zst",
            "a-note.jsonl.zst",
        ];
        for name in names {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let keep = Keep {
            age: Some(Duration::from_hours(24)),
            bytes: None,
        };
        let left = |open: Option<&str>, later: Duration| {
            let open = open.map(|name| dir.path().join(name));
            keep.clear(dir.path(), open.as_deref(), SystemTime::now() + later)
                .unwrap();
            names.map(|name| dir.path().join(name).exists())
        };
        let (soon, later) = (Duration::from_hours(23), Duration::from_hours(48));
        assert_eq!(left(None, soon), [true; 3]);
        assert_eq!(left(Some(names[1]), later), [false, true, true]);
        assert_eq!(left(None, later), [false, false, true]);
    }
}
