/* Whether a server is ready, asked as its clients ask. */
#ifndef ASKCSV_CLI_SERVER_PROBE_H
#define ASKCSV_CLI_SERVER_PROBE_H

#include "base/error.h"

/* Asks the server at url (http:// or https://, its own certificate is checked) for /readyz, within
 * ten seconds. 0 when it is ready; else ERROR_IO: it is not reached, or it says what is missing.
 * ERROR_USAGE for a url that is none. */
int server_probe(const char *url, struct error *err);

#endif
