// @ts-check
// The commands of mux that the extension runs, apart from VS Code.

const { dirname } = require('node:path');

/**
 * The language server, over its standard input and output.
 *
 * @param {string} mux
 */
function server(mux) {
  return { command: mux, args: ['policy', 'lsp'] };
}

/**
 * A run of all tests of the folder a file lies in, which is what is served together.
 *
 * @param {string} mux
 * @param {string} file
 */
function tests(mux, file) {
  const folder = dirname(file);
  return { command: mux, args: ['policy', 'test', folder], cwd: folder };
}

/**
 * What the server is asked to run one test, or to prove one guarantee, of the text as it stands in the editor.
 *
 * @param {string} uri
 * @param {string} name
 */
function run(uri, name) {
  return { command: 'mux.policy.runTest', arguments: [uri, name] };
}

module.exports = { run, server, tests };
