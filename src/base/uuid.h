/* UUID version 7 (RFC 9562 5.7): 48 bits of Unix milliseconds, the rest random, so that run ids
 * sort by time. */
#ifndef ASKCSV_BASE_UUID_H
#define ASKCSV_BASE_UUID_H

#include "base/error.h"

#include <stdbool.h>

#define UUID_TEXT_SIZE 37

int uuid_v7(char out[UUID_TEXT_SIZE], struct error *err);

/* 36 characters of lower-case hexadecimal and hyphens in the right places. */
bool uuid_is_valid(const char *text);

#endif
