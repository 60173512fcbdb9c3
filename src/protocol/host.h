/* How a client (an executor) talks to `askcsv-runner host`, the process that keeps dataset versions
 * warm. It connects to the host's Unix socket (SOCK_STREAM), once for each call, and writes one
 * struct host_message with what it announces behind it; the answer is all that comes back until the
 * host closes. A client that closes first cancels its call. Both sides are the same user's and of
 * the same build (host_socket_name), so the struct goes as it is. */
#ifndef ASKCSV_PROTOCOL_HOST_H
#define ASKCSV_PROTOCOL_HOST_H

#include "base/error.h"

#include <stdint.h>

#define HOST_MAGIC 0x41434831 /* "ACH1" */
#define HOST_DATA_ROOT_MAX 4096
#define HOST_CLIENT_MAX 64

enum host_call {
        HOST_CALL_RUN = 1, /* a request of the runner protocol; answered by its response */
        HOST_CALL_STATUS,  /* nothing; answered by one line of JSON about the host, for people and
                              tests */
};

struct host_message {
        uint32_t magic;
        uint32_t call;
        uint32_t data_root_bytes; /* the folder below which tables' files lie: absolute, resolved */
        uint32_t client_bytes;    /* whose turn it is to wait: clients share the queue evenly */
        uint32_t request_bytes;
};

#define HOST_FOLDER "host" /* in $ASKCSV_HOME: sockets and locks */
#define HOST_SOCKET_NAME_SIZE 32

/* The name of the socket in HOST_FOLDER for hosts of this runner: it changes with the program file,
 * so that a new build never talks to an old one. */
int host_socket_name(const char *runner, char ret[HOST_SOCKET_NAME_SIZE], struct error *err);

/* A socket of the folder, connected or bound, whatever the length of the folder's path. `folder_fd`
 * is open on it. -errno on failure. */
int host_connect(int folder_fd, const char *name);
int host_listen(int folder_fd, const char *name);

#endif
