//! Files of profiles, as Amazon's tools keep them.

/// What a section says: a profile by its name, alone or after `profile`, or a section of another kind by all of its title.
pub(crate) fn setting<'t>(text: &'t str, section: &str, name: &str) -> Option<&'t str> {
    let mut here = false;
    let mut lines = text.lines().map(str::trim);
    lines.find_map(|line| {
        if let Some(title) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            let title = title.trim();
            here = title.strip_prefix("profile ").unwrap_or(title).trim() == section;
        }
        let (key, value) = line.split_once('=').filter(|_| here)?;
        (key.trim() == name).then(|| value.trim())
    })
}
