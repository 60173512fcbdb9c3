/* Where the request of a runner comes from: standard input, or what a container was given when it
 * was made, if nobody can write to its standard input. */
#ifndef ASKCSV_RUNNER_INTAKE_H
#define ASKCSV_RUNNER_INTAKE_H

#include "base/buf.h"
#include "base/error.h"

#define INTAKE_PIECES_MAX 1000

struct intake {
        const char *env; /* the name of an environment variable; or NULL */
        const char *dir; /* a folder with the pieces "0", "1", "2" ...; or NULL. Neither: fd */
};

/* Appends the whole text to out, whose ceiling holds. The variable is overwritten and unset: no
 * process that is started later has it. Pieces may be symbolic links, as those of a mounted Secret
 * are; one that is missing before a later one, or the first, is an error. Failures have type
 * ERROR_INVALID_REQUEST, those of fd ERROR_IO. */
int intake_read(const struct intake *intake, int fd, struct buf *out, struct error *err);

#endif
