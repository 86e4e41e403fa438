// @ts-check
// The extension and the server of a real `mux`, whose path is in MUX; without it there is nothing to hold it to.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { pathToFileURL } = require('node:url');
const rpc = require('vscode-jsonrpc/node');
const { run, server, tests } = require('../client/commands');
const manifest = require('../package.json');

const mux = process.env.MUX ?? '';
const skip = mux ? false : 'MUX names no mux';
const file = path.join(__dirname, '../../../../policies/chat_test.mux');

/** @param {string} command @param {string[]} args @param {string} [cwd] */
const start = (command, args, cwd) => spawn(command, args, { cwd, stdio: ['pipe', 'pipe', 'ignore'] });

test('the server offers lenses that the extension can run, and runs what it is asked to', { skip, timeout: 30_000 }, async () => {
  const { command, args } = server(mux);
  const child = start(command, args);
  const talk = rpc.createMessageConnection(child.stdout, child.stdin);
  talk.listen();
  try {
    const uri = pathToFileURL(file).href;
    const { capabilities } = await talk.sendRequest('initialize', { processId: null, rootUri: null, capabilities: {} });
    await talk.sendNotification('initialized', {});
    const text = fs.readFileSync(file, 'utf8');
    await talk.sendNotification('textDocument/didOpen', { textDocument: { uri, languageId: 'mux', version: 1, text } });
    /** @type {any[]} */
    const lenses = await talk.sendRequest('textDocument/codeLens', { textDocument: { uri } });
    assert.ok(lenses.length > 1);
    const offered = manifest.contributes.commands.map(({ command }) => command);
    const [from, name] = lenses[0].command.arguments;
    assert.ok(lenses.every(lens => offered.includes(lens.command.command)));
    const asked = run(from, name);
    assert.ok(capabilities.executeCommandProvider.commands.includes(asked.command));
    assert.equal((await talk.sendRequest('workspace/executeCommand', asked)).passed, true);
    await talk.sendRequest('shutdown');
    await talk.sendNotification('exit');
  } finally {
    talk.dispose();
    child.kill();
  }
});

test('all tests of a folder run as the extension runs them', { skip, timeout: 30_000 }, async () => {
  const { command, args, cwd } = tests(mux, file);
  const child = start(command, args, cwd);
  child.stdout.resume();
  assert.equal(await new Promise(done => child.on('exit', done)), 0);
});
