/* What runs left behind elsewhere (a container, a Job) because their process died, or because what
 * they ran at was away when it should have removed it. Each such thing is named after an owner
 * (base/owner.h), whose lock file goes when the thing has gone for sure: a lock file that nobody
 * holds therefore names one that may be there still. */
#ifndef ASKCSV_EXECUTOR_LEFTOVERS_H
#define ASKCSV_EXECUTOR_LEFTOVERS_H

#include "base/error.h"

#include <stddef.h>

struct leftovers {
        const char *folder; /* of the owners' locks */
        /* Removes what is named after that owner. 1: it is gone, or some of it was there and is; 0:
         * there was none; negative: err, and the others are left for the next time. */
        int (*remove)(const char *id, void *data, struct error *err);
        void *data;
};

/* Calls remove only for owners that are gone. *ret_removed grows by the number that was there. A
 * lock that named nothing is kept for a while: a call that timed out may still be carried out. */
int leftovers_remove(const struct leftovers *leftovers, size_t *ret_removed, struct error *err);

#endif
