/* What askcsv asks of JSON beyond jansson: bounded parsing of bytes from outside, and the
 * canonical form that is hashed. */
#ifndef ASKCSV_BASE_JSON_H
#define ASKCSV_BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct json_limits {
        size_t max_bytes; /* of the text */
        size_t max_depth; /* nested arrays and objects; at most JSON_DEPTH_CEILING */
};

#define JSON_DEPTH_CEILING 2000 /* jansson's own is 2048; beyond it a parser would recurse */

/* Parses one JSON document (RFC 8259) of n bytes: any value at the top, no duplicate keys, valid
 * UTF-8, no U+0000 in any string or key, nothing behind it but white space. A leading UTF-8 byte
 * order mark is skipped. The caller owns *ret. On failure *ret is untouched, err has type
 * `type` and says what is wrong and where (line and column), prefixed by nothing. */
int json_parse(const char *text, size_t n, const struct json_limits *limits, enum error_type type,
               json_t **ret, struct error *err);

/* RFC 8785 (JSON Canonicalization Scheme): keys sorted by UTF-16 code units, no white space,
 * numbers as ECMAScript prints them. Integers outside +-(2^53 - 1) fail, as RFC 8785 has no
 * form for them; so do NaN and infinity, which jansson cannot hold. */
int json_canonical(const json_t *json, struct buf *out, struct error *err);

/* As ECMAScript's Number::toString prints a finite double, the shortest that reads back the
 * same; "-0" is "0". */
void json_put_double(struct buf *out, double value);

/* The same for text that is to be read again: from 2^53 on, where json_put_double gives bare
 * digits, with ".0" behind them, or a reader would take it for an integer, and too large a one. */
void json_put_real(struct buf *out, double value);

/* A JSON string literal, quotes included, with the escapes of RFC 8785 3.2.2.2. text is UTF-8. */
void json_put_string(struct buf *out, const char *text, size_t n);

/* True when the text is one object by its brackets: it begins with "{", and what closes that is its
 * last byte. Whether it is JSON otherwise is not looked at; but as a value in a larger text it is
 * one, or makes none of the whole: what stands around it keeps its meaning. */
bool json_is_closed_object(const char *text, size_t n);

/* Compact text with keys in the order they were set; for wires and files, not for hashing. */
int json_put(const json_t *json, struct buf *out, struct error *err);

/* The member if it is there and a string, else NULL; likewise for the others, which give
 * the fallback. The string belongs to the object. */
const char *json_get_string(const json_t *object, const char *key);
/* True when an object with that key stands somewhere in it. */
bool json_holds_key(const json_t *json, const char *key);
json_int_t json_get_int(const json_t *object, const char *key, json_int_t fallback);
bool json_get_bool(const json_t *object, const char *key, bool fallback);

#endif
