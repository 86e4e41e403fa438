//! What a reader promises of files that are whole, torn, damaged or not ours.
#![expect(clippy::unwrap_used, reason = "test helpers fail loudly")]

use mux_traffic::{Options, ReadError, Record, Writer, read};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn record(id: usize) -> Record {
    Record {
        v: 1,
        id: format!("r{id}"),
        version: "0123456789abcdef".repeat(4),
        ..Record::default()
    }
}

fn line(id: usize) -> String {
    serde_json::to_string(&record(id)).unwrap() + "\n"
}

/// The only file of records in a folder, beside which its index may lie.
fn only(dir: &Path) -> PathBuf {
    let mut files = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .find(|path| path.extension().unwrap() == "zst")
        .unwrap()
}

fn items(path: &Path) -> (Vec<Result<String, ReadError>>, Vec<String>) {
    let mut reader = read(path).unwrap();
    let items = reader
        .by_ref()
        .map(|item| item.map(|record| record.id))
        .collect();
    (items, reader.notices().to_vec())
}

fn ids(range: std::ops::Range<usize>) -> Vec<Result<String, ReadError>> {
    range.map(|id| Ok(format!("r{id}"))).collect()
}

/// One segment whose flushes each hold the records of one range; returns where each flush ends.
fn segment(dir: &Path, flushes: &[std::ops::Range<usize>]) -> (PathBuf, Vec<usize>) {
    let hour = Duration::from_hours(1);
    let writer = Writer::start(
        dir,
        Options {
            flush_every: hour,
            segment_age: hour,
            ..Options::default()
        },
    )
    .unwrap();
    let mut ends = Vec::new();
    for flush in flushes {
        assert!(flush.clone().all(|id| writer.offer(record(id))));
        writer.flush();
        ends.push(usize::try_from(fs::metadata(only(dir)).unwrap().len()).unwrap());
    }
    drop(writer);
    (only(dir), ends)
}

#[test]
fn a_tail_torn_at_any_byte_costs_only_the_unflushed_lines_and_is_no_error() {
    let (written, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, ends) = segment(written.path(), &[0..5, 5..10]);
    let bytes = fs::read(path).unwrap();
    let copy = torn.path().join("0-0.jsonl.zst");
    for cut in ends[0]..ends[1] {
        fs::write(&copy, &bytes[..cut]).unwrap();
        let (read, notices) = items(&copy);
        assert!(
            read.len() >= 5 && read == ids(0..read.len()),
            "cut at {cut}: {read:?}"
        );
        assert_eq!(
            notices.len(),
            usize::from(cut > ends[0]),
            "cut at {cut}: {notices:?}"
        );
    }
}

#[test]
fn a_flipped_byte_costs_nothing_before_its_flush_and_never_goes_unsaid() {
    let (written, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, ends) = segment(written.path(), &[0..4, 4..8]);
    let bytes = fs::read(path).unwrap();
    let copy = bad.path().join("0-0.jsonl.zst");
    for at in ends[0]..ends[1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 0x20;
        fs::write(&copy, &flipped).unwrap();
        let (read, notices) = items(&copy);
        assert_eq!(read[..4], ids(0..4), "flip at {at}");
        let said = !notices.is_empty() || read.iter().any(Result::is_err);
        assert!(said || read == ids(0..8), "flip at {at}: {read:?}");
    }
}

#[test]
fn files_of_a_folder_are_read_in_the_order_of_their_names_plain_or_packed() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("3.jsonl"), line(3)).unwrap();
    fs::write(dir.path().join("1.jsonl"), line(0) + &line(1)).unwrap();
    fs::write(
        dir.path().join("2.jsonl.zst"),
        zstd::encode_all(line(2).as_bytes(), 3).unwrap(),
    )
    .unwrap();
    fs::write(dir.path().join("0-notes.txt"), "not for us").unwrap();
    assert_eq!(items(dir.path()), (ids(0..4), Vec::new()));
}

#[test]
fn a_line_that_is_no_record_is_named_and_reading_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, format!("{}not json\n\n[1]\n{}", line(0), line(1))).unwrap();
    let (read, notices) = items(&path);
    assert!(notices.is_empty());
    assert_eq!(
        (read[0].clone(), read[3].clone(), read.len()),
        (Ok("r0".to_owned()), Ok("r1".to_owned()), 4)
    );
    let (no_json, no_object) = (read[1].clone().unwrap_err(), read[2].clone().unwrap_err());
    assert_eq!((&no_json.file, no_json.line, no_object.line), (&path, 2, 4));
    assert!(
        no_json
            .to_string()
            .starts_with(&format!("{}:2: not a record", path.display())),
        "{no_json}"
    );
}

#[test]
fn a_line_without_end_is_read_and_half_a_line_is_a_torn_tail() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    fs::write(&path, (line(0) + &line(1)).trim_end()).unwrap();
    assert_eq!(items(&path), (ids(0..2), Vec::new()));

    let second = line(1);
    fs::write(&path, line(0) + second.split_at(second.len() / 2).0).unwrap();
    let (read, notices) = items(&path);
    assert_eq!((read, notices.len()), (ids(0..1), 1));
}

#[test]
fn a_line_too_long_for_a_record_is_skipped_without_being_held_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl.zst");
    let mut lines = vec![b' '; 40 << 20];
    lines.push(b'\n');
    lines.extend_from_slice(line(0).as_bytes());
    fs::write(&path, zstd::encode_all(lines.as_slice(), 1).unwrap()).unwrap();
    let (read, _) = items(&path);
    assert_eq!(read[1..], ids(0..1));
    assert!(
        read[0]
            .clone()
            .unwrap_err()
            .reason
            .contains("longer than 16 MiB")
    );
}

#[test]
fn a_file_that_is_not_packed_as_its_name_says_is_an_error_and_the_next_file_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("1.jsonl.zst"),
        "plain text, not zstd at all\n",
    )
    .unwrap();
    fs::write(dir.path().join("2.jsonl"), line(0)).unwrap();
    let (read, _) = items(dir.path());
    assert!(read[0].clone().unwrap_err().file.ends_with("1.jsonl.zst"));
    assert_eq!(read[1..], ids(0..1));
}

#[test]
fn a_missing_path_and_a_folder_without_records_are_told_apart_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let missing = read(&dir.path().join("nowhere.jsonl.zst"))
        .unwrap_err()
        .to_string();
    assert!(missing.contains("nowhere.jsonl.zst"), "{missing}");
    let empty = read(dir.path()).unwrap_err().to_string();
    assert!(empty.contains("holds no recorded traffic"), "{empty}");
}

#[test]
fn an_empty_file_holds_no_records_and_no_complaint() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("1.jsonl.zst"), "").unwrap();
    assert_eq!(items(dir.path()), (Vec::new(), Vec::new()));
}
