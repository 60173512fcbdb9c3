/* Release by attribute: a variable declared with one of these lets go of what it holds when it
 * leaves its scope. steal_ptr() and steal_fd() hand the thing on and disarm the attribute. */
#ifndef ASKCSV_BASE_CLEANUP_H
#define ASKCSV_BASE_CLEANUP_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
        free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0)
                (void)close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
        if (*f)
                (void)fclose(*f);
}

static inline void cleanup_json(json_t **json)
{
        json_decref(*json);
}

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cleanup_free)
#define _cleanup_close_ _cleanup_(cleanup_close)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose)
#define _cleanup_json_ _cleanup_(cleanup_json)

#define steal_ptr(p)                                                                               \
        ({                                                                                         \
                __typeof__(*(p)) stolen_ = *(p);                                                   \
                *(p) = NULL;                                                                       \
                stolen_;                                                                           \
        })

static inline int steal_fd(int *fd)
{
        int stolen = *fd;
        *fd = -1;
        return stolen;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
