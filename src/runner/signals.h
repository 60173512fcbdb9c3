/* SIGTERM, SIGINT and SIGHUP, for the processes that keep others: they come in ppoll(2) only, and
 * end what is going on. */
#ifndef ASKCSV_RUNNER_SIGNALS_H
#define ASKCSV_RUNNER_SIGNALS_H

#include <signal.h>

void signals_catch(void); /* and SIGPIPE is ignored */
void signals_while_waiting(sigset_t *ret);
int signals_ending(void); /* the number of the one that came, or 0 */

#endif
