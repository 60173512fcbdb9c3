/* A dataset's files against every rule about them. */
#ifndef ASKCSV_CLI_VALIDATE_H
#define ASKCSV_CLI_VALIDATE_H

#include "cli/session.h"

#define VALIDATE_FAULTS_MAX 10 /* of one dataset, that are named */

/* Checks that the registry's measures and segments compile, hashes, that the files load with the
 * registry's types, and the dataset's rules; prints what fails (file, line, rule) and a summary.
 * Returns 0 valid, 1 not, or a negative code when it could not be checked. */
int validate_dataset(struct session *session, const struct dataset *dataset, int cancel_fd,
                     struct error *err);

#endif
