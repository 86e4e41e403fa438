// @ts-check
// The TextMate grammar colours: every word of the language by what it does, and every policy of the project to its end.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { before, test } = require('node:test');
const oniguruma = require('vscode-oniguruma');
const textmate = require('vscode-textmate');

const words = require('./words.json');

const HERE = path.join(__dirname, '..');
const PROJECT = path.join(HERE, '../../..');
const NOT_SOURCES = ['target', '.git', '.mux', 'node_modules'];
// Characters of a token that none of the rules has taken.
const BLANK = /^\s*$/;

/** @type {textmate.IGrammar} */
let grammar;

before(async () => {
  const wasm = fs.readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm'));
  await oniguruma.loadWASM(wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.byteLength));
  const file = path.join(HERE, 'syntaxes/mux.tmLanguage.json');
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: patterns => new oniguruma.OnigScanner(patterns),
      createOnigString: text => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(fs.readFileSync(file, 'utf8'), file),
  });
  const loaded = await registry.loadGrammar('source.mux');
  assert.ok(loaded);
  grammar = loaded;
});

/**
 * The tokens of a text that are more than blanks, each with its innermost scope.
 *
 * @param {string} text
 * @returns {[string, string][]}
 */
function tokens(text) {
  /** @type {[string, string][]} */
  const found = [];
  let state = textmate.INITIAL;
  for (const line of text.split(/\r?\n/)) {
    const { tokens, ruleStack } = grammar.tokenizeLine(line, state);
    state = ruleStack;
    for (const { startIndex, endIndex, scopes } of tokens) {
      const word = line.slice(startIndex, endIndex);
      if (!BLANK.test(word)) found.push([word.trim(), scopes[scopes.length - 1].replace(/\.mux$/, '')]);
    }
  }
  return found;
}

/**
 * Every policy below a folder.
 *
 * @param {string} folder
 * @returns {string[]}
 */
function policies(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    const below = path.join(folder, entry.name);
    if (entry.isDirectory()) return NOT_SOURCES.includes(entry.name) ? [] : policies(below);
    return entry.name.endsWith('.mux') ? [below] : [];
  });
}

test('words are coloured by what they do', () => {
  const text = [
    'policy @a { # "not a string"',
    '  when p95 of b/c > 4s or tag.when is "x\\n# y"  use b/c timeout 20s',
    '  | -5% | - |',
    '  08:00-18:00 2026-03-29 $0.30/Mtok',
    '}',
  ].join('\n');
  assert.deepEqual(tokens(text), [
    ['policy', 'keyword.other'],
    ['@a', 'entity.name.function'],
    ['{', 'punctuation.section.block.begin'],
    ['# "not a string"', 'comment.line.number-sign'],
    ['when', 'keyword.control.conditional'],
    ['p95', 'support.type.property-name'],
    ['of', 'keyword.operator.word'],
    ['b/c', 'entity.name.type'],
    ['>', 'keyword.operator.comparison'],
    ['4s', 'constant.numeric.quantity'],
    ['or', 'keyword.operator.word'],
    ['tag.when', 'variable.other'],
    ['is', 'keyword.operator.word'],
    ['"', 'string.quoted.double'],
    ['x', 'string.quoted.double'],
    ['\\n', 'constant.character.escape'],
    ['# y', 'string.quoted.double'],
    ['"', 'string.quoted.double'],
    ['use', 'keyword.control.flow'],
    ['b/c', 'entity.name.type'],
    ['timeout', 'support.type.property-name'],
    ['20s', 'constant.numeric.quantity'],
    ['|', 'punctuation.separator'],
    ['-5%', 'constant.numeric.quantity'],
    ['|', 'punctuation.separator'],
    ['-', 'punctuation.separator'],
    ['|', 'punctuation.separator'],
    ['08:00-18:00', 'constant.numeric.clock'],
    ['2026-03-29', 'constant.numeric.date'],
    ['$0.30/Mtok', 'constant.numeric.quantity'],
    ['}', 'punctuation.section.block.end'],
  ]);
});

test('every word that begins a line is coloured there, and in a block on one line', () => {
  assert.ok(words.heads.length > 40);
  for (const word of words.heads) {
    assert.deepEqual(tokens(word)[0], [word, 'keyword.other']);
    assert.deepEqual(tokens(`x { ${word} }`)[2], [word, 'keyword.other']);
    assert.deepEqual(tokens(`${word}s`)[0]?.[0], `${word}s`);
  }
});

test('every word that is no name, and every option, has its colour', () => {
  const kinds = /** @type {const} */ ([
    ['guards', 'keyword.control.conditional'],
    ['actions', 'keyword.control.flow'],
    ['operators', 'keyword.operator.word'],
    ['options', 'support.type.property-name'],
  ]);
  for (const [kind, scope] of kinds) {
    assert.ok(words[kind].length > 2);
    for (const word of words[kind]) {
      assert.deepEqual(tokens(`a-name ${word} 5`)[1], [word, scope]);
      assert.deepEqual(tokens(`a-name x-${word} 5`)[1], [`x-${word}`, 'variable.other']);
    }
  }
});

test('a string without its closing quote ends with its line', () => {
  assert.deepEqual(tokens('id "x\nid 5').at(-2), ['id', 'keyword.other']);
});

test('no word of any policy of the project is left without a colour, not even in those that are wrong', () => {
  const files = policies(PROJECT);
  assert.ok(files.length > 20);
  for (const file of files) {
    for (const [word, scope] of tokens(fs.readFileSync(file, 'utf8'))) {
      if (scope === 'source') assert.doesNotMatch(word, /[A-Za-z0-9_*@"#{}()|<>]/, `${file}: ${word}`);
    }
  }
});
