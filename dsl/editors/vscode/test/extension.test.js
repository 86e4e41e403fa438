// @ts-check
// The extension, with a VS Code and a client library that only write down what they are asked for.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { beforeEach, test } = require('node:test');

/** @type {Record<string, (...args: any[]) => any>} */
let commands = {};
/** @type {any[]} */
let clients = [];
/** @type {any[]} */
let tasks = [];
/** @type {string[]} */
let errors = [];
/** @type {string[]} */
let lines = [];
let failing = false;

class LanguageClient {
  /** @param {[string, string, any, any]} args */
  constructor(...args) {
    this.server = args[2];
    this.options = args[3];
    this.disposed = false;
    clients.push(this);
  }
  async start() {
    if (failing) throw new Error('no such file');
  }
  /**
   * @param {string} method
   * @param {{ command: string, arguments: string[] }} params
   */
  async sendRequest(method, params) {
    assert.equal(method, 'workspace/executeCommand');
    assert.equal(params.command, 'mux.policy.runTest');
    const [uri, name] = params.arguments;
    if (name === 'unknown') throw new Error('no test is called `unknown`');
    return { passed: name === 'good', message: `ran in ${uri}` };
  }
  async dispose() {
    this.disposed = true;
  }
}

const vscode = {
  Task: class {
    /** @param {any[]} args */
    constructor(...args) {
      this.execution = args[4];
    }
  },
  ProcessExecution: class {
    /** @param {any[]} args */
    constructor(...args) {
      this.process = args[0];
      this.args = args[1];
      this.options = args[2];
    }
  },
  TaskPanelKind: { Dedicated: 2 },
  TaskScope: { Workspace: 2 },
  commands: {
    registerCommand: (/** @type {string} */ name, /** @type {any} */ run) => (commands[name] = run),
    executeCommand: async () => {},
  },
  tasks: { executeTask: async (/** @type {any} */ task) => tasks.push(task) },
  window: {
    activeTextEditor: /** @type {any} */ (undefined),
    createOutputChannel: () => ({ appendLine: (/** @type {string} */ line) => lines.push(line), show: () => {} }),
    showErrorMessage: async (/** @type {string} */ text) => void errors.push(text),
  },
  workspace: {
    createFileSystemWatcher: () => ({}),
    getConfiguration: () => ({ get: () => '/opt/mux' }),
    getWorkspaceFolder: () => undefined,
    onDidChangeConfiguration: () => ({}),
    saveAll: async () => true,
  },
};

const loader = /** @type {any} */ (Module);
const load = loader._load;
loader._load = (/** @type {string} */ name, /** @type {any[]} */ ...rest) => {
  if (name === 'vscode') return vscode;
  if (name === 'vscode-languageclient/node') return { LanguageClient };
  return load(name, ...rest);
};
const extension = require('../client/extension');
const manifest = require('../package.json');

beforeEach(async () => {
  [commands, clients, tasks, errors, lines, failing] = [{}, [], [], [], [], false];
  vscode.window.activeTextEditor = undefined;
});

const activate = () => extension.activate(/** @type {any} */ ({ subscriptions: [] }));

test('every command that is offered is there', async () => {
  await activate();
  const offered = manifest.contributes.commands.map(({ command }) => command);
  assert.deepEqual(Object.keys(commands).sort(), offered.sort());
});

test('the server is `mux policy lsp` over its standard input and output', async () => {
  await activate();
  assert.deepEqual(clients[0].server, { command: '/opt/mux', args: ['policy', 'lsp'] });
  assert.equal(clients[0].options.documentSelector[0].language, manifest.contributes.languages[0].id);
});

test('a restart ends the server before it starts another', async () => {
  await activate();
  await commands['mux.restartServer']();
  assert.deepEqual(clients.map(client => client.disposed), [true, false]);
  await extension.deactivate();
  assert.deepEqual(clients.map(client => client.disposed), [true, true]);
});

test('a server that does not start is told, and a later restart is possible', async () => {
  failing = true;
  await activate();
  assert.match(errors[0], /`\/opt\/mux policy lsp` does not start: no such file/);
  failing = false;
  await commands['mux.restartServer']();
  assert.equal(errors.length, 1);
});

test('a lens has its test run by the server, and what came of it is shown', async () => {
  await activate();
  for (const name of ['good', 'bad', 'unknown']) await commands['mux.runTest']('file:///srv/chat_test.mux', name);
  assert.deepEqual(lines, [
    'passed: good\nran in file:///srv/chat_test.mux',
    'failed: bad\nran in file:///srv/chat_test.mux',
    'not run: unknown\nno test is called `unknown`',
  ]);
});

test('the command runs all tests of the folder of the open file', async () => {
  await activate();
  vscode.window.activeTextEditor = { document: { uri: { scheme: 'file', fsPath: '/srv/policies/chat_test.mux' } } };
  await commands['mux.runTest']();
  const { execution } = tasks[0];
  assert.equal(execution.process, '/opt/mux');
  assert.deepEqual(execution.args, ['policy', 'test', '/srv/policies']);
  assert.deepEqual(execution.options, { cwd: '/srv/policies' });
});

test('without a file there is nothing to run, and that is told', async () => {
  await activate();
  await commands['mux.runTest']();
  assert.deepEqual(tasks, []);
  assert.match(errors[0], /open a \.mux file/);
});

test('every file that the manifest names is there', () => {
  const { languages, grammars, snippets } = manifest.contributes;
  const files = [
    manifest.main,
    ...languages.map(({ configuration }) => configuration),
    ...grammars.map(({ path }) => path),
    ...snippets.map(({ path }) => path),
  ];
  for (const file of files) assert.ok(fs.existsSync(path.join(__dirname, '..', file)), file);
  const configuration = fs.readFileSync(path.join(__dirname, '..', languages[0].configuration), 'utf8');
  const { wordPattern, indentationRules, onEnterRules } = JSON.parse(configuration);
  assert.deepEqual('a use @b/c-1.2'.match(new RegExp(wordPattern, 'g')), ['a', 'use', '@b/c-1.2']);
  const increases = new RegExp(indentationRules.increaseIndentPattern);
  assert.deepEqual(['plan a { # {', 'id "{"', 'plan a { b }'].map(line => increases.test(line)), [true, false, false]);
  const continues = new RegExp(onEnterRules[0].beforeText);
  assert.deepEqual(['  when a and', '  when a', '  use and'].map(line => continues.test(line)), [true, false, false]);
});
