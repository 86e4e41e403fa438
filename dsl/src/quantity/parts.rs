//! A number taken apart: dollar sign, digits, unit, and what stands behind a `/`.

use crate::report::Report;
use crate::tree::Word;

/// Its sign is not kept: negative numbers are refused before.
pub(super) struct Parts<'w> {
    pub(super) dollar: bool,
    pub(super) whole: u128,
    /// Digits behind the point, and their number.
    pub(super) fraction: (u128, u32),
    pub(super) unit: &'w str,
    pub(super) per: Option<&'w str>,
}

impl<'w> Parts<'w> {
    /// Takes a number apart; `None` if it has too many digits.
    pub(super) fn of(text: &'w str) -> Option<Self> {
        let text = text.strip_prefix('+').unwrap_or(text);
        let (dollar, text) = text
            .strip_prefix('$')
            .map_or((false, text), |rest| (true, rest));
        let (number, per) = text
            .split_once('/')
            .map_or((text, None), |(n, per)| (n, Some(per)));
        let end = number
            .find(|c: char| !(c.is_ascii_digit() || c == '_' || c == '.'))
            .unwrap_or(number.len());
        let (digits, unit) = number.split_at_checked(end)?;
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let plain: String = whole.chars().filter(|c| *c != '_').collect();
        Some(Self {
            dollar,
            whole: plain.parse().ok()?,
            fraction: (
                if fraction.is_empty() {
                    0
                } else {
                    fraction.parse().ok()?
                },
                u32::try_from(fraction.len()).ok()?,
            ),
            unit,
            per,
        })
    }

    /// In base units; what is finer than one of them is an error, never rounded.
    pub(super) fn times(&self, factor: u64, word: &Word, report: &mut Report) -> Option<u64> {
        let (digits, places) = self.fraction;
        let scale = 10_u128.checked_pow(places)?;
        let part = digits.checked_mul(u128::from(factor));
        let whole = self.whole.checked_mul(u128::from(factor));
        let Some((part, whole)) = part.zip(whole) else {
            too_large(word, report);
            return None;
        };
        if part % scale != 0 {
            report.error(
                "mux::unit::fine",
                word.span,
                format!("`{}` is finer than can be measured", word.text),
            );
            return None;
        }
        let sum = u64::try_from(whole.saturating_add(part / scale)).ok();
        if sum.is_none() {
            too_large(word, report);
        }
        sum
    }
}

/// Reports a number that no slot can hold.
pub(super) fn too_large(word: &Word, report: &mut Report) {
    report.error(
        "mux::type::range",
        word.span,
        format!(
            "`{}` is larger than anything that makes sense here",
            word.text
        ),
    );
}
