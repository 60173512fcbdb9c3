/* YAML (1.1, as libyaml reads it) as JSON: what kubectl and Helm write. */
#ifndef ASKCSV_KUBE_FROM_YAML_H
#define ASKCSV_KUBE_FROM_YAML_H

#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define YAML_BYTES_MAX ((size_t)4 * 1024 * 1024)

/* The first document of n bytes; JSON is YAML, too. Plain scalars are null, booleans and numbers by
 * YAML 1.2's core schema, everything else a string; keys are strings. Aliases are copied, to at
 * most YAML_NODES_MAX nodes in all. On failure *ret is untouched; the error (of that type) names
 * line and column. */
int yaml_parse(const char *text, size_t n, enum error_type type, json_t **ret, struct error *err);

#define YAML_NODES_MAX 100000

#endif
