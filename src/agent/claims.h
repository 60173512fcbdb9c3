/* Whether words speak of something that was run. */
#ifndef ASKCSV_AGENT_CLAIMS_H
#define ASKCSV_AGENT_CLAIMS_H

#include <stdbool.h>

/* True for "I ran a query", "the results show" and their kin, in any case. Only a list of English
 * phrases: what it misses is found by its figures, or said to have run nothing. */
bool claims_a_run(const char *text);

#endif
