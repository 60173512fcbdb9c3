/* SIGINT, SIGTERM and SIGHUP as a descriptor, while a run goes on: the run ends in order, with a
 * sealed capsule, instead of being cut off. */
#ifndef ASKCSV_CLI_STOP_H
#define ASKCSV_CLI_STOP_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>

struct stop {
        int fd; /* readable once one of them came */
        sigset_t set, before;
};

int stop_begin(struct stop *stop, struct error *err);
/* The same for a server, to which SIGHUP says something else: it comes here also when it was
 * ignored (nohup). */
int stop_begin_server(struct stop *stop, struct error *err);
/* Takes the oldest signal that came; 0: none did. */
int stop_next(const struct stop *stop);

/* Back to how it was; true when one of them had come. */
bool stop_end(struct stop *stop);

#endif
