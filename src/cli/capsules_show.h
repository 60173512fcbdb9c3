/* askcsv capsules show: one run as text. */
#ifndef ASKCSV_CLI_CAPSULES_SHOW_H
#define ASKCSV_CLI_CAPSULES_SHOW_H

#include "capsule/capsule.h"
#include "cli/command.h"

/* The members of the capsule, the SQL, the answer, or why there is none. Returns the exit status.
 */
int capsules_show(const struct capsule *capsule, const struct surface *surface);

/* What makes out the run, one line each, without SQL and answer. */
int capsules_show_brief(const struct capsule *capsule);

#endif
