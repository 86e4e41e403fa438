//! `kill -9` at random moments while versions are written: what was acknowledged is there, and opening never fails.
//!
//! The writer is this very test in a process of its own. It says `open` before it opens the store and `ack N` after each
//! commit; nobody waits by the clock, the parent kills after so many words and a random spin.

use crate::fixture::{Chance, numbered};
use mux_store::Store;
use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

const WRITER: &str = "MUX_STORE_TEST_WRITER";
/// Another run than the usual one, for soaking.
const SEED: &str = "MUX_TEST_SEED";
const ACKNOWLEDGED: usize = 200;
/// So many kills at least, for soaking.
const KILLS: &str = "MUX_TEST_KILLS";
/// A store grows with every commit, and so does looking at all of it: after so many versions another one is begun.
const VERSIONS: usize = 1_000;

#[test]
fn every_acknowledged_version_survives_kill_9_at_random_moments() {
    if let Some(dir) = std::env::var_os(WRITER) {
        write_until_killed(Path::new(&dir));
    }
    let mut dir = tempfile::tempdir().unwrap();
    let asked = |name| std::env::var(name).ok()?.parse().ok();
    let seed = asked(SEED).unwrap_or(20_261_123);
    let least = asked(KILLS).unwrap_or(20);
    let mut chance = Chance(seed);
    let (mut acknowledged, mut kills, mut unheard) = (Vec::new(), 0, 0);
    let (mut before, mut rebuilt) = (0, 0);
    while before + acknowledged.len() < ACKNOWLEDGED || kills < least {
        if acknowledged.len() > VERSIONS {
            unheard += check(dir.path(), &acknowledged);
            rebuilt += set_aside(dir.path());
            before += acknowledged.len();
            acknowledged.clear();
            dir = tempfile::tempdir().unwrap();
        }
        let mut writer = spawn(dir.path());
        let heard = hear_and_kill(&mut writer, &mut chance);
        acknowledged.extend(heard);
        kills += 1;
        if chance.below(4) == 0 {
            unheard += check(dir.path(), &acknowledged);
        }
    }
    unheard += check(dir.path(), &acknowledged);
    rebuilt += set_aside(dir.path());
    println!(
        "seed {seed}: {} versions acknowledged over {kills} kills, none lost; {unheard} written and not yet said; {rebuilt} indexes set aside",
        before + acknowledged.len()
    );
    assert!(kills >= 20, "too few kills to mean anything: {kills}");
}

/// How many indexes were found broken.
fn set_aside(dir: &Path) -> usize {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    names
        .filter(|name| name.to_str().unwrap().starts_with("corrupt-"))
        .count()
}

/// Opens the store the killed writer left and checks every acknowledged version; 1 where one more had been written.
fn check(dir: &Path, acknowledged: &[u64]) -> usize {
    let store = Store::open(dir).expect("a killed store opens");
    let report = store.verify().unwrap();
    assert!(
        report.problems.is_empty(),
        "{:?}; {:?}",
        report.problems,
        store.notices()
    );
    for n in acknowledged {
        let expected = numbered(*n);
        assert_eq!(
            store
                .version(&expected.id)
                .expect("an acknowledged version")
                .files,
            expected.files
        );
    }
    // Killed before the first commit, there is neither a version nor anything live.
    let newest = store.versions().into_iter().next().map(|head| head.id);
    assert_eq!(
        store.refs().live,
        newest,
        "the newest whole commit moved the refs with it"
    );
    usize::from(newest != acknowledged.last().map(|n| numbered(*n).id))
}

fn spawn(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "kill::every_acknowledged_version_survives_kill_9_at_random_moments",
        "--exact",
        "--nocapture",
    ]);
    // The test harness writes to stdout; the words go to stderr.
    command
        .env(WRITER, dir)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Listens for a random number of words, lets a random moment pass, kills; returns what was acknowledged until then.
fn hear_and_kill(writer: &mut Child, chance: &mut Chance) -> Vec<u64> {
    let mut words = BufReader::new(writer.stderr.take().unwrap()).lines();
    let mut heard: Vec<String> = Vec::new();
    let enough = if chance.below(4) == 0 {
        1
    } else {
        usize::try_from(chance.below(12)).unwrap()
    };
    while heard.len() < enough {
        heard.push(
            words
                .next()
                .expect("the writer goes on until killed")
                .unwrap(),
        );
    }
    // Up to a few milliseconds: during the next write, between two, and, after one word, during opening.
    for spin in 0..chance.below(200_000) {
        black_box(spin);
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    // What it said before it died and nobody had read yet.
    heard.extend(words.map_while(Result::ok));
    for word in &heard {
        assert!(
            word == "open" || word.starts_with("ack "),
            "the writer said: {word}"
        );
    }
    heard
        .iter()
        .filter_map(|word| word.strip_prefix("ack ")?.parse().ok())
        .collect()
}

fn write_until_killed(dir: &Path) -> ! {
    say("open");
    let store = Store::open(dir).expect("a killed store opens");
    let begin = store.versions().len() as u64;
    for n in begin.. {
        assert!(store.commit(numbered(n)).expect("a commit").new);
        say(&format!("ack {n}"));
    }
    unreachable!("there are always more numbers")
}

/// One write, so that a word is said whole or not at all.
fn say(word: &str) {
    std::io::stderr()
        .write_all(format!("{word}\n").as_bytes())
        .unwrap();
}
