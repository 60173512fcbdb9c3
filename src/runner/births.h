/* What the two processes have in common that clone others on the host's order, the seed and each
 * parent: orders come over a socket pair (SOCK_SEQPACKET), one struct a message with descriptors
 * beside it, and births and deaths are told the same way. Both keep one thread. */
#ifndef ASKCSV_RUNNER_BIRTHS_H
#define ASKCSV_RUNNER_BIRTHS_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BIRTHS_ALIVE_MAX 512
#define BIRTHS_FDS_MAX 80 /* beside one order */

enum birth_saying {
        BIRTH_READY,  /* the teller can take orders; comes once, first */
        BIRTH_FAILED, /* or this, and the teller is gone; error and message say why */
        BIRTH_BORN,   /* process `id`; with it comes its pidfd */
        BIRTH_UNBORN, /* no process `id`; error and message say why */
        BIRTH_DEAD,   /* process `id` ended: status, peak_kb */
};

struct birth_word {
        enum birth_saying saying;
        enum error_type error;
        uint64_t id;
        int status;   /* of waitpid(2) */
        long peak_kb; /* the most memory that it had */
        char message[600];
};

struct births {
        int control_fd;
        struct {
                pid_t pid; /* 0: free */
                uint64_t id;
        } alive[BIRTHS_ALIVE_MAX];
};

/* SIGCHLD comes in births_await only; what would end the process is ignored, as the end of
 * control_fd does that. */
void births_init(struct births *births, int control_fd, sigset_t *while_waiting);

/* Tells the host; fd (or -1) goes along and stays the caller's. Ends the process when there is no
 * host any more. */
void births_say(const struct births *births, const struct birth_word *word, int fd);
void births_say_failure(const struct births *births, enum birth_saying saying, uint64_t id,
                        const struct error *err);

/* 1: there is an order; 0: not within wait_ms (-1: for ever). Deaths are told meanwhile. Ends the
 * process when the host is gone. */
int births_await(struct births *births, int wait_ms, const sigset_t *while_waiting);

/* Reads an order of that size with its descriptors (close-on-exec). Anything else ends the
 * process. */
void births_take(struct births *births, void *order, size_t size, int fds[BIRTHS_FDS_MAX],
                 size_t *ret_n_fds);

/* Room for one more? To be asked before the clone. */
bool births_has_room(const struct births *births);
void births_note(struct births *births, pid_t pid, uint64_t id, int pidfd);

/* The host's side. */
int births_send(int control_fd, const void *order, size_t size, const int *fds, size_t n_fds,
                struct error *err);

/* The next word: 1 and *ret, with *ret_fd a descriptor (close-on-exec) or -1; 0: none is there yet;
 * negative: the teller is gone. */
int births_hear(int control_fd, struct birth_word *ret, int *ret_fd);

#endif
