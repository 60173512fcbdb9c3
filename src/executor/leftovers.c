#include "executor/leftovers.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/owner.h"

#include <stdbool.h>
#include <sys/stat.h>

#define FORGET_S 600 /* a call that timed out may still be carried out for so long */

struct tidying {
        const struct leftovers *leftovers;
        size_t removed;
        int r;
        struct error *err;
};

static bool is_recent(int fd)
{
        struct stat st;
        return fd >= 0 && fstat(fd, &st) == 0 && clock_utc_ms() / 1000 - st.st_mtime < FORGET_S;
}

static void tidy_one(const char *id, int fd, void *data)
{
        struct tidying *tidying = data;
        const struct leftovers *leftovers = tidying->leftovers;
        int r = tidying->r;
        if (r >= 0)
                r = leftovers->remove(id, leftovers->data, tidying->err);
        if (r > 0)
                tidying->removed++;
        if (r > 0 || (r == 0 && !is_recent(fd)))
                owner_bury(leftovers->folder, id, fd);
        else
                cleanup_close(&fd); /* to be found again */
        if (r < 0)
                tidying->r = r;
}

int leftovers_remove(const struct leftovers *leftovers, size_t *ret_removed, struct error *err)
{
        struct tidying tidying = {.leftovers = leftovers, .err = err};
        owner_each_gone(leftovers->folder, tidy_one, &tidying);
        *ret_removed += tidying.removed;
        return tidying.r;
}
