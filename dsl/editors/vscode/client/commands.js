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
 * A run of the tests of the folder a file lies in, which is what is served together; of one test, where it has a name.
 *
 * @param {string} mux
 * @param {string} file
 * @param {string} [name]
 */
function test(mux, file, name) {
  const folder = dirname(file);
  const filter = name ? ['--filter', name] : [];
  return { command: mux, args: ['policy', 'test', folder, ...filter], cwd: folder };
}

module.exports = { server, test };
