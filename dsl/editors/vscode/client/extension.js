// @ts-check
// The extension: starts `mux policy lsp` for .mux files, and runs the tests that its lenses stand over.

const vscode = require('vscode');
const { LanguageClient } = require('vscode-languageclient/node');
const { run, server, tests } = require('./commands');

/** @type {LanguageClient | undefined} */
let client;

/** @type {vscode.OutputChannel} */
let results;

/** @param {vscode.ExtensionContext} context */
async function activate(context) {
  results = vscode.window.createOutputChannel('mux tests');
  const watcher = vscode.workspace.createFileSystemWatcher('**/*.mux');
  context.subscriptions.push(
    results,
    watcher,
    vscode.commands.registerCommand('mux.runTest', runTest),
    vscode.commands.registerCommand('mux.restartServer', () => restart(watcher)),
    vscode.workspace.onDidChangeConfiguration(event => {
      if (event.affectsConfiguration('mux.path')) return restart(watcher);
    }),
  );
  await start(watcher);
}

async function deactivate() {
  const stopped = client;
  client = undefined;
  await stopped?.dispose();
}

/** @param {vscode.FileSystemWatcher} watcher */
async function start(watcher) {
  client = new LanguageClient('mux', 'mux', server(path()), {
    documentSelector: [
      { language: 'mux', scheme: 'file' },
      { language: 'mux', scheme: 'untitled' },
    ],
    synchronize: { fileEvents: watcher },
  });
  try {
    await client.start();
  } catch (error) {
    // Colours and snippets work without it; what is missing is told once, with the way out.
    const choice = await vscode.window.showErrorMessage(
      `mux: \`${path()} policy lsp\` does not start: ${told(error)}`,
      'Set Path…',
    );
    if (choice) await vscode.commands.executeCommand('workbench.action.openSettings', 'mux.path');
  }
}

/** @param {vscode.FileSystemWatcher} watcher */
async function restart(watcher) {
  await deactivate();
  await start(watcher);
}

/**
 * What a lens over a `test` block calls with the file and the name of the test; without a name, all tests are run.
 *
 * @param {string} [uri]
 * @param {string} [name]
 */
async function runTest(uri, name) {
  await (uri && name ? runOne(uri, name) : runAll());
}

/**
 * @param {string} uri
 * @param {string} name
 */
async function runOne(uri, name) {
  try {
    if (!client) throw new Error('the language server does not run');
    const { passed, message } = await client.sendRequest('workspace/executeCommand', run(uri, name));
    results.appendLine(`${passed ? 'passed' : 'failed'}: ${name}\n${message}`.trimEnd());
  } catch (error) {
    results.appendLine(`not run: ${name}\n${told(error)}`);
  }
  results.show(true);
}

async function runAll() {
  const file = vscode.window.activeTextEditor?.document.uri;
  if (file?.scheme !== 'file') {
    await vscode.window.showErrorMessage('mux: open a .mux file to run its tests');
    return;
  }
  // What is run is what is on disk.
  await vscode.workspace.saveAll(false);
  const { command, args, cwd } = tests(path(), file.fsPath);
  const task = new vscode.Task(
    { type: 'mux' },
    vscode.workspace.getWorkspaceFolder(file) ?? vscode.TaskScope.Workspace,
    'tests',
    'mux',
    new vscode.ProcessExecution(command, args, { cwd }),
  );
  task.presentationOptions = { clear: true, panel: vscode.TaskPanelKind.Dedicated };
  await vscode.tasks.executeTask(task);
}

/** @param {unknown} error */
function told(error) {
  return error instanceof Error ? error.message : String(error);
}

/** @returns {string} */
function path() {
  return vscode.workspace.getConfiguration('mux').get('path', 'mux');
}

module.exports = { activate, deactivate };
