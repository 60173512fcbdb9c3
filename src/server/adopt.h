/* Runs that waited at a server that is gone: this one goes on with them. */
#ifndef ASKCSV_SERVER_ADOPT_H
#define ASKCSV_SERVER_ADOPT_H

#include "server/runs.h"
#include "server/setup.h"

/* As many as there is room for; *ret_n is how many. store is the one of runs, and shared by
 * servers. One that cannot be run here is recorded as failed, and says why. */
int adopt_runs(struct capsule_store *store, struct runs *runs, struct setup_place *place,
               size_t *ret_n, struct error *err);

#endif
