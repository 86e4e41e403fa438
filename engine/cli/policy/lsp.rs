//! `mux policy lsp`: the language server, over standard input and output.
//!
//! One folder is one bundle, as everywhere; files that are open are read as the editor has them. Every change checks the
//! bundle anew, which takes milliseconds, so nothing here waits, caches or runs beside.

mod answer;
mod folder;
mod position;

use crate::ending::{Exit, Outcome, Trouble};
use clap::Args;
use folder::Folders;
use lsp_server::{Connection, Message, Notification, Request, Response};
use position::Encoding;
use serde_json::{Value, json};

/// Serve an editor over standard input and output
#[derive(Debug, Args)]
pub(crate) struct Lsp {
    /// For editors that say so: it is the only way there is
    #[arg(long)]
    stdio: bool,
}

impl Lsp {
    pub(crate) fn run(self) -> Outcome {
        let Self { stdio: _ } = self;
        let (connection, threads) = Connection::stdio();
        let (id, asked) = connection.initialize_start().map_err(Trouble::usage)?;
        let encoding = Encoding::agreed(&asked);
        connection
            .initialize_finish(
                id,
                json!({ "capabilities": capabilities(encoding), "serverInfo": { "name": "mux" } }),
            )
            .map_err(Trouble::usage)?;
        let mut server = Server {
            connection,
            folders: Folders::default(),
            encoding,
        };
        let ended = server.serve();
        drop(server);
        threads.join().map_err(Trouble::usage)?;
        ended
    }
}

fn capabilities(encoding: Encoding) -> Value {
    json!({
        "positionEncoding": encoding.word(),
        "textDocumentSync": { "openClose": true, "change": 1, "save": true },
        "hoverProvider": true,
        "completionProvider": { "triggerCharacters": [" ", "@", "/", "."] },
        "definitionProvider": true,
        "referencesProvider": true,
        "renameProvider": { "prepareProvider": true },
        "documentFormattingProvider": true,
        "codeActionProvider": { "codeActionKinds": ["quickfix"] },
        "codeLensProvider": { "resolveProvider": false },
        "executeCommandProvider": { "commands": ["mux.policy.runTest"] },
    })
}

struct Server {
    connection: Connection,
    folders: Folders,
    encoding: Encoding,
}

impl Server {
    fn serve(&mut self) -> Outcome {
        while let Ok(message) = self.connection.receiver.recv() {
            match message {
                Message::Request(request) => {
                    if self
                        .connection
                        .handle_shutdown(&request)
                        .map_err(Trouble::usage)?
                    {
                        return Ok(Exit::Good);
                    }
                    let response = self.answer(request);
                    self.send(Message::Response(response));
                }
                Message::Notification(told) => self.take(&told),
                Message::Response(_) => {}
            }
        }
        // The editor went away without saying so.
        Ok(Exit::No)
    }

    fn answer(&mut self, request: Request) -> Response {
        match answer::answer(
            &mut self.folders,
            self.encoding,
            &request.method,
            &request.params,
        ) {
            Ok(result) => Response::new_ok(request.id, result),
            Err(why) => Response::new_err(request.id, why.code, why.message),
        }
    }

    /// What the editor tells: the text of open files.
    fn take(&mut self, told: &Notification) {
        let uri = told
            .params
            .pointer("/textDocument/uri")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let Some(path) = position::path(uri) else {
            return;
        };
        match told.method.as_str() {
            "textDocument/didOpen" => self.folders.open(
                &path,
                told.params
                    .pointer("/textDocument/text")
                    .and_then(Value::as_str),
            ),
            "textDocument/didChange" => {
                let changes = told
                    .params
                    .pointer("/contentChanges")
                    .and_then(Value::as_array);
                let last = changes
                    .and_then(|c| c.last())
                    .and_then(|c| c.pointer("/text").and_then(Value::as_str));
                self.folders.open(&path, last);
            }
            "textDocument/didClose" => self.folders.close(&path),
            "textDocument/didSave" => self.folders.forget(&path),
            _ => return,
        }
        for (file, diagnostics) in self.folders.diagnostics(&path, self.encoding) {
            let params = json!({ "uri": position::uri(&file), "diagnostics": diagnostics });
            self.send(Message::Notification(Notification {
                method: "textDocument/publishDiagnostics".to_owned(),
                params,
            }));
        }
    }

    /// An editor that is gone needs no answer.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }
}
