/**
 * @file The shape of .mux for editors: what dsl/src/mux.pest accepts, as a tree.
 *
 * The words a line begins with are names here, as they are there: which of them exist is said by the statement table in
 * dsl/src/words.rs, and told to editors by the generated queries. Line ends come from src/scanner.c, since whether a line
 * goes on depends on the word the next one begins with.
 */

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// Words that are never names: the rule `reserved` of the pest grammar.
const RESERVED = [
  'and', 'or', 'not', 'is', 'in', 'of', 'has', 'when', 'where', 'else',
  'use', 'deny', 'go', 'expect', 'matches', 'starts',
];

module.exports = grammar({
  name: 'mux',

  word: $ => $.name,

  // The order is that of `enum Token` in src/scanner.c.
  externals: $ => [
    $._line_end,
    $._declaration_next,
    $._break,
    $._break_before_operator,
    $._break_before_action,
    $.unclosed,
    $._resumed,
  ],

  extras: $ => [/[ \t\uFEFF]/, $.comment],

  reserved: { global: _ => RESERVED },

  rules: {
    source_file: $ => seq(
      optional($._lines_between),
      optional(seq(
        $.statement,
        repeat(seq($._lines_between, $.statement)),
        optional($._lines_between),
      )),
    ),

    block: $ => seq(
      '{',
      optional($._lines_within),
      optional(seq(
        $.statement,
        repeat(seq($._lines_within, $.statement)),
        optional($._lines_within),
      )),
      choice('}', $.unclosed),
    ),

    _lines_between: $ => choice(repeat1(choice($._line_end, $._declaration_next)), $._resumed),

    // A declaration in column 0 is never inside a block: before it stands `unclosed` where a `}` is missing. That is a node,
    // and not left to the recovery of the parser, so that one missing brace does not cost the rest of the file.
    _lines_within: $ => repeat1($._line_end),

    statement: $ => seq(
      choice($.row, $._words, $._guarded, $._otherwise),
      optional($.block),
    ),

    _words: $ => seq(field('head', $._word), repeat($._argument)),
    _guarded: $ => seq(optional($._words), $.guard, optional($._rest)),
    _otherwise: $ => seq(field('head', 'else'), optional($._rest)),

    _rest: $ => choice(
      seq(
        repeat1(choice($.guard, 'has', 'of', field('argument', $._atom))),
        optional($._carried_out),
      ),
      $._carried_out,
    ),
    _carried_out: $ => seq(
      repeat($._break_before_action),
      $.action,
      repeat(choice($.guard, $._argument)),
    ),
    _argument: $ => choice(
      field('argument', choice($.action, $._atom)), 'has', 'of', 'is',
    ),

    guard: $ => seq(choice('when', 'where', 'expect'), $._condition),

    _condition: $ => choice($._operand, $.conjunction, $.disjunction),
    conjunction: $ => seq($._operand, repeat1(seq($._and, $._operand))),
    disjunction: $ => seq($._operand, repeat1(seq($._or, $._operand))),
    _and: $ => seq(repeat($._break_before_operator), 'and', repeat($._break)),
    _or: $ => seq(repeat($._break_before_operator), 'or', repeat($._break)),

    _operand: $ => choice($.negation, $.group, $.test),
    negation: $ => seq('not', choice($.group, $.test)),
    group: $ => seq('(', repeat($._break), $._condition, repeat($._break), ')'),

    test: $ => prec.right(seq(
      field('subject', $._subject),
      optional(seq($.operator, repeat1(field('value', $._atom)))),
    )),
    _subject: $ => choice($.presence, $.metric, $._atom, $._can),
    presence: $ => prec(1, seq(choice('has', 'can'), $._atom)),
    // Only before a word is it more than a name.
    _can: $ => alias('can', $.name),
    metric: $ => prec.right(seq(
      prec(1, seq(field('figure', choice($.name, $._can)), 'of')),
      repeat1(field('of', $.name)),
    )),

    operator: $ => choice(
      seq('is', optional('not')),
      seq(optional('not'), 'in'),
      seq('starts', 'with'),
      'matches',
      '>=', '<=', '>', '<',
    ),

    row: $ => seq('|', repeat1(seq(optional($.cell), '|'))),
    cell: $ => choice(
      '-',
      repeat1(choice($._atom, $.action, 'has', 'of', 'not', 'expect')),
    ),

    _word: $ => choice($.action, 'has', 'of', 'is', $._atom),
    action: _ => choice('use', 'deny', 'go'),

    _atom: $ => choice($.string, $.clock, $.date, $.quantity, $.alias, $.name),

    alias: _ => /@[A-Za-z0-9_\-.\/:*]+/,
    name: _ => /[A-Za-z_*][A-Za-z0-9_\-.\/:*]*/,
    quantity: _ => /[+\-]?\$?[0-9][0-9_]*(\.[0-9]+)?(%|[A-Za-z]+)?(\/[A-Za-z]+)?/,
    clock: _ => /[0-9]{2}:[0-9]{2}(-[0-9]{2}:[0-9]{2})?/,
    date: _ => /[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2})?Z?)?/,

    string: $ => seq(
      '"',
      repeat(choice(alias($._characters, $.content), $.escape)),
      token.immediate('"'),
    ),
    _characters: _ => token.immediate(prec(1, /[^"\\\r\n]+/)),
    escape: _ => token.immediate(/\\[^\r\n]/),

    comment: _ => /#[^\r\n]*/,
  },
});
