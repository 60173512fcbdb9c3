/* For clang-tidy alone, which sees one function at a time: what base/error.h promises, that these
 * are always negative. Without it each "r = error_oom(err)" looks like a success as well. */
#ifndef ASKCSV_TOOLS_ANALYZER_H
#define ASKCSV_TOOLS_ANALYZER_H

#include "base/error.h"

#define error_set(...) ((void)error_set(__VA_ARGS__), -1)
#define error_prefix(...) ((void)error_prefix(__VA_ARGS__), -1)
#define error_oom(...) ((void)error_oom(__VA_ARGS__), -1)
#define error_errno(...) ((void)error_errno(__VA_ARGS__), -1)

#endif
