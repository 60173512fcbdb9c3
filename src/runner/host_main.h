/* The command line of `askcsv-runner host`. */
#ifndef ASKCSV_RUNNER_HOST_MAIN_H
#define ASKCSV_RUNNER_HOST_MAIN_H

#include "runner/runner.h"

/* argv[0] is "host". Gives the exit status. Detaches from whoever calls, once it can be connected
 * to. */
int host_main(int argc, char **argv);
int host_main_with(int argc, char **argv, const struct runner_walls *walls); /* for tests */

#endif
