/* What a container for one run is made of: the body of POST /containers/create. For the files of
 * this folder only. */
#ifndef ASKCSV_EXECUTOR_DOCKER_SPEC_H
#define ASKCSV_EXECUTOR_DOCKER_SPEC_H

#include "executor/executor.h"

/* The label that says whose it is, and the one after which moment (seconds since 1970) nobody can
 * still want it, whatever became of its owner. */
#define DOCKER_LABEL_OWNER "askcsv.owner"
#define DOCKER_LABEL_UNTIL "askcsv.until"

struct docker_spec {
        const struct executor_docker *settings; /* all of them set */
        const struct executor_call *call;
        const char *const *arguments; /* of askcsv-runner; ends with NULL */
        const char *owner;
        int64_t until_s;
        const char *home;         /* $ASKCSV_HOME, as this process has it */
        const char *seccomp_path; /* of the profile, for a daemon that reads it itself; or NULL */
};

/* Into out. Errors: no memory; ERROR_IO for a file that cannot be looked at. */
int docker_spec_put(const struct docker_spec *spec, struct buf *out, struct error *err);

/* The profile of system calls that containers get (deploy/seccomp/askcsv-runner.json). */
const char *docker_seccomp_profile(void);

#endif
