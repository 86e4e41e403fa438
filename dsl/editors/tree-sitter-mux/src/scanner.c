// Line ends of .mux: whether one ends a statement, goes on with it, or stands before a declaration in column 0.

#include "declarations.h"
#include "tree_sitter/parser.h"
#include <string.h>

enum Token {
  LINE_END,
  DECLARATION_NEXT,
  BREAK,
  BREAK_BEFORE_OPERATOR,
  BREAK_BEFORE_ACTION,
  UNCLOSED,
  RESUMED,
};

// Longer than every word that is asked for.
enum { LONGEST = 32 };

static bool is_line_end(int32_t c) { return c == '\n' || c == '\r'; }

static bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == 0xFEFF; }

static bool is_word(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' ||
         c == '/' || c == ':' || c == '*';
}

static bool is_one_of(const char *word, const char *const words[]) {
  for (; *words; words++) {
    if (strcmp(word, *words) == 0) return true;
  }
  return false;
}

static void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void line_end(TSLexer *lexer) {
  bool carriage = lexer->lookahead == '\r';
  advance(lexer);
  if (carriage && lexer->lookahead == '\n') advance(lexer);
}

static void rest_of_line(TSLexer *lexer) {
  while (!lexer->eof(lexer) && !is_line_end(lexer->lookahead)) advance(lexer);
}

// The word the text goes on with; one that is too long is none.
static void read_word(TSLexer *lexer, char word[LONGEST]) {
  int length = 0;
  for (; is_word(lexer->lookahead); advance(lexer)) {
    if (length < LONGEST) word[length++] = (char)lexer->lookahead;
  }
  word[length < LONGEST ? length : 0] = '\0';
}

// Whether the line that begins with `word` is a declaration; reads on behind it.
static bool is_declaration(TSLexer *lexer, const char *word) {
  if (lexer->lookahead != ' ' && lexer->lookahead != '\t') return false;
  if (is_one_of(word, DECLARES_LINE)) return true;
  if (!is_one_of(word, DECLARES_BLOCK)) return false;
  while (!lexer->eof(lexer) && !is_line_end(lexer->lookahead)) {
    if (lexer->lookahead == '{') return true;
    advance(lexer);
  }
  return false;
}

// Reads on to the first word behind blank lines and comments.
static void next_word(TSLexer *lexer, char word[LONGEST]) {
  for (;;) {
    if (is_blank(lexer->lookahead) || is_line_end(lexer->lookahead)) {
      advance(lexer);
    } else if (lexer->lookahead == '#') {
      rest_of_line(lexer);
    } else {
      break;
    }
  }
  read_word(lexer, word);
}

static bool found(TSLexer *lexer, enum Token token) {
  lexer->result_symbol = token;
  return true;
}

void *tree_sitter_mux_external_scanner_create(void) { return NULL; }

void tree_sitter_mux_external_scanner_destroy(void *payload) { (void)payload; }

unsigned tree_sitter_mux_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload;
  (void)buffer;
  return 0;
}

void tree_sitter_mux_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload;
  (void)buffer;
  (void)length;
}

// What a line end is.
static bool at_line_end(TSLexer *lexer, const bool *valid, bool recovering) {
  static const char *const OPERATORS[] = {"and", "or", NULL};
  static const char *const ACTIONS[] = {"use", "deny", "go", NULL};
  char word[LONGEST];

  line_end(lexer);
  lexer->mark_end(lexer);
  read_word(lexer, word);
  bool declaration = is_declaration(lexer, word);
  if (recovering) return found(lexer, declaration ? DECLARATION_NEXT : LINE_END);

  // Looked for only where it matters, or a long comment would be read once for each of its lines.
  bool going_on = valid[BREAK_BEFORE_OPERATOR] || valid[BREAK_BEFORE_ACTION];
  if (going_on && !*word) next_word(lexer, word);
  if (valid[BREAK_BEFORE_OPERATOR] && is_one_of(word, OPERATORS)) return found(lexer, BREAK_BEFORE_OPERATOR);
  if (valid[BREAK]) return found(lexer, BREAK);
  if (declaration) return found(lexer, valid[UNCLOSED] ? UNCLOSED : DECLARATION_NEXT);
  if (valid[BREAK_BEFORE_ACTION] && is_one_of(word, ACTIONS)) return found(lexer, BREAK_BEFORE_ACTION);
  return found(lexer, LINE_END);
}

// Where an `unclosed` block has taken the line end: the blocks around it are not closed either, and then the file goes on.
static bool at_declaration(TSLexer *lexer, const bool *valid) {
  char word[LONGEST];
  lexer->mark_end(lexer);
  read_word(lexer, word);
  return is_declaration(lexer, word) && found(lexer, valid[UNCLOSED] ? UNCLOSED : RESUMED);
}

bool tree_sitter_mux_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  // All is valid only while the parser looks for anything it can go on with.
  bool recovering = valid[BREAK] && valid[UNCLOSED];
  bool resuming = (valid[UNCLOSED] || valid[RESUMED]) && !recovering;
  bool first = resuming && lexer->get_column(lexer) == 0;

  while (is_blank(lexer->lookahead)) {
    first = false;
    lexer->advance(lexer, true);
  }
  if (lexer->eof(lexer)) return valid[UNCLOSED] && !recovering && found(lexer, UNCLOSED);
  if (is_line_end(lexer->lookahead)) return at_line_end(lexer, valid, recovering);
  return first && at_declaration(lexer, valid);
}
