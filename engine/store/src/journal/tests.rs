//! The journal's promises: cut, flipped, rotated, refused by the disk.

use super::*;

fn filled(dir: &Path, count: u8) -> Vec<Entry> {
    let mut journal = Journal::open(dir, &scan(dir).unwrap()).unwrap();
    (0..count)
        .map(|n| {
            journal
                .append(1, &[n; 3], &vec![n; usize::from(n)])
                .unwrap()
        })
        .collect()
}

fn only_file(dir: &Path) -> PathBuf {
    fs::read_dir(dir).unwrap().next().unwrap().unwrap().path()
}

#[test]
fn what_was_appended_is_found_again_with_every_body_in_its_place() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let written = filled(&dir, 9);
    let found = scan(&dir).unwrap();
    assert_eq!(
        (found.entries.as_slice(), found.faults.len(), found.torn),
        (written.as_slice(), 0, None)
    );
    let journal = Journal::open(&dir, &found).unwrap();
    for (n, entry) in (0_u8..).zip(&found.entries) {
        assert_eq!(journal.read(entry.body).unwrap(), vec![n; usize::from(n)]);
    }
}

#[test]
fn cut_at_any_byte_the_journal_opens_with_every_whole_frame_and_takes_the_next() {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("source");
    let written = filled(&source, 4);
    let (name, bytes) = (only_file(&source), fs::read(only_file(&source)).unwrap());
    for cut in 0..bytes.len() {
        let dir = root.path().join(format!("cut-{cut}")).join("journal");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(name.file_name().unwrap()), &bytes[..cut]).unwrap();
        let whole = written
            .iter()
            .filter(|entry| entry.whole.at + entry.whole.len <= cut as u64)
            .count();

        let found = scan(&dir).unwrap();
        assert_eq!(found.entries, written[..whole], "cut at {cut}");
        let mut journal = Journal::open(&dir, &found).unwrap();
        let next = journal.append(1, b"next", b"").unwrap();
        let again = scan(&dir).unwrap();
        assert_eq!(
            (again.entries.len(), again.entries.last(), again.torn),
            (whole + 1, Some(&next), None)
        );
        assert!(again.faults.is_empty(), "cut at {cut}: {:?}", again.faults);
    }
}

#[test]
fn a_flip_in_the_middle_is_reported_and_nothing_behind_it_is_lost() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let written = filled(&dir, 5);
    let (path, bytes) = (only_file(&dir), fs::read(only_file(&dir)).unwrap());
    let last = usize::try_from(written[4].whole.at).unwrap();
    for at in 0..last {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let found = scan(&dir).unwrap();
        let hit = written
            .iter()
            .filter(|entry| entry.whole.at <= at as u64)
            .count()
            - 1;
        let mut left = written.clone();
        left.remove(hit);
        assert_eq!((&found.entries, found.torn), (&left, None), "flip at {at}");
        assert_eq!(
            found.faults.len(),
            2,
            "the damaged bytes and the missing event: {:?}",
            found.faults
        );
    }
}

#[test]
fn an_altered_frame_with_a_right_checksum_breaks_the_chain() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let written = filled(&dir, 3);
    let (path, mut bytes) = (only_file(&dir), fs::read(only_file(&dir)).unwrap());
    let (forged, _) = frame::encode(1, 2, &written[1].prev, &[9; 3], &[1]).unwrap();
    let at = usize::try_from(written[1].whole.at).unwrap();
    bytes[at..at + forged.len()].copy_from_slice(&forged);
    fs::write(&path, bytes).unwrap();
    assert_eq!(
        scan(&dir).unwrap().faults,
        ["event 3 does not continue event 2: one of them was altered"]
    );
}

#[test]
fn a_full_segment_is_followed_by_the_next_and_both_are_read() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let mut journal = Journal::open(&dir, &Scan::default()).unwrap();
    journal.segment_bytes = 200;
    let written: Vec<Entry> = (0..20)
        .map(|_| journal.append(1, b"head", &[7; 50]).unwrap())
        .collect();
    assert!(fs::read_dir(&dir).unwrap().count() > 5);
    let found = scan(&dir).unwrap();
    assert_eq!((&found.entries, found.faults.len()), (&written, 0));
    assert!(
        written
            .iter()
            .all(|entry| journal.read(entry.body).unwrap() == [7; 50])
    );
}

#[test]
fn a_missing_segment_is_reported() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let mut journal = Journal::open(&dir, &Scan::default()).unwrap();
    journal.segment_bytes = 1;
    for _ in 0..4 {
        journal.append(1, b"head", b"").unwrap();
    }
    fs::remove_file(scan::segment_path(&dir, 2)).unwrap();
    assert_eq!(scan(&dir).unwrap().faults, ["events 2 to 2 are missing"]);
}

#[test]
fn a_write_the_disk_refuses_leaves_the_journal_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let written = filled(&dir, 2);
    let mut journal = Journal::open(&dir, &scan(&dir).unwrap()).unwrap();
    let active = journal.active.as_mut().unwrap();
    let writable = std::mem::replace(&mut active.file, File::open(only_file(&dir)).unwrap());
    assert!(journal.append(1, b"refused", b"").is_err());
    assert_eq!(scan(&dir).unwrap().entries, written);

    journal.active.as_mut().unwrap().file = writable;
    let third = journal.append(1, b"taken", b"").unwrap();
    assert_eq!((third.seq, scan(&dir).unwrap().entries.len()), (3, 3));
}

#[test]
fn mending_interrupted_at_any_step_is_finished_by_the_next_start() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("journal");
    let written = filled(&dir, 3);
    let journal = Journal::open(&dir, &scan(&dir).unwrap()).unwrap();
    let frames: Vec<_> = written
        .iter()
        .map(|entry| (entry.seq, journal.read(entry.whole).unwrap()))
        .collect();
    mend(&dir, frames.iter().cloned().map(Ok)).unwrap();
    assert_eq!(scan(&dir).unwrap().entries, written);

    fs::rename(&dir, dir.with_extension("mended")).unwrap();
    settle(&dir).unwrap();
    assert_eq!(scan(&dir).unwrap().entries, written);

    fs::create_dir(dir.with_extension("building")).unwrap();
    mend(&dir, frames.into_iter().map(Ok)).unwrap();
    assert_eq!(scan(&dir).unwrap().entries, written);
}
