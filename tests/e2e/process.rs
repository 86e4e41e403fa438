//! The binary as a process: started, listened to, signalled, and gone when its test is.

use super::patience::soon;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use tokio::sync::watch;

/// What a process has said so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    pub(crate) out: Vec<String>,
    pub(crate) err: Vec<String>,
    closed: u8,
}

impl Said {
    fn over(&self) -> bool {
        self.closed == 2
    }
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running process; killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    said: watch::Receiver<Said>,
}

/// `mux` with these arguments, untouched by the environment of whoever runs the tests.
pub(crate) fn mux(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mux"));
    command.args(arguments);
    for name in [
        "GITHUB_ACTIONS",
        "GITHUB_WORKSPACE",
        "MUX_DATA",
        "MUX_LISTEN",
        "MUX_LOG",
        "MUX_MOCK_KEY",
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
    ] {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1");
    command
}

/// Runs `mux` to its end.
pub(crate) async fn run(arguments: &[&str]) -> Ended {
    Process::start(mux(arguments)).end().await
}

/// Runs `mux` to its end with these lines as its standard input.
pub(crate) async fn run_fed(arguments: &[&str], lines: &str) -> Ended {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), lines).expect("it can be written");
    let input = std::fs::File::open(file.path()).expect("it is there");
    Process::fed(mux(arguments), input.into()).end().await
}

impl Process {
    pub(crate) fn start(command: Command) -> Self {
        Self::fed(command, Stdio::null())
    }

    fn fed(mut command: Command, input: Stdio) -> Self {
        let mut child = command
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let (sender, said) = watch::channel(Said::default());
        let out = child.stdout.take().expect("a pipe");
        let err = child.stderr.take().expect("a pipe");
        listen(out, sender.clone(), |said, line| said.out.push(line));
        listen(err, sender, |said, line| said.err.push(line));
        Self { child, said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything said so far.
    pub(crate) fn said(&self) -> Said {
        self.said.borrow().clone()
    }

    /// Waits until it has said something that `find` recognises.
    pub(crate) async fn says<T>(&self, what: &str, find: impl Fn(&Said) -> Option<T>) -> T {
        let mut listening = self.listening();
        loop {
            let said = listening.borrow_and_update().clone();
            if let Some(found) = find(&said) {
                return found;
            }
            assert!(!said.over(), "it ended before it said: {what}\n{said:#?}");
            let more = soon(what, listening.changed()).await;
            assert!(more.is_ok(), "it ended before it said: {what}\n{said:#?}");
        }
    }

    /// What it says from now on.
    pub(crate) fn listening(&self) -> watch::Receiver<Said> {
        let mut listening = self.said.clone();
        listening.mark_unchanged();
        listening
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id())
            .ok()
            .and_then(Pid::from_raw)
            .expect("a process id");
        kill_process(pid, signal).expect("a process to signal");
    }

    /// Waits until it has ended.
    pub(crate) async fn end(mut self) -> Ended {
        let over = async { self.said.wait_for(Said::over).await.map(drop) };
        // The sender goes with the threads that listen, and they go when both pipes are closed.
        let _ = soon("the end of the process", over).await;
        let status = self.child.wait().expect("a status");
        let said = self.said();
        Ended {
            code: status.code(),
            out: said.out.join("\n"),
            err: said.err.join("\n"),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(
    pipe: impl Read + Send + 'static,
    said: watch::Sender<Said>,
    keep: impl Fn(&mut Said, String) + Send + 'static,
) {
    thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines
            .read_until(b'\n', &mut line)
            .is_ok_and(|bytes| bytes > 0)
        {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            said.send_modify(|said| keep(said, text));
            line.clear();
        }
        said.send_modify(|said| said.closed += 1);
    });
}
