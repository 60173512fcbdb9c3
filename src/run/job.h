/* One run under way: the steps that run_execute (run.c) and run_ask (ask.c) are made of. `why` is
 * the run's own error, which ends in its capsule; `err` says that there can be no capsule. Only
 * src/run/ includes this. */
#ifndef ASKCSV_RUN_JOB_H
#define ASKCSV_RUN_JOB_H

#include "base/arena.h"
#include "base/clock.h"
#include "dataset/values.h"
#include "run/run.h"

struct job {
        struct capsule_store *store;
        struct executor *executor;
        struct run_input input; /* of a question, the plan comes later */
        struct capsule *capsule;
        struct dataset *described; /* what the runner said of the files, if it was asked */
        struct arena *arena;
        struct buf sql;           /* compiled from the plan */
        json_t *faults;           /* of the plan */
        struct run_cache_key key; /* what its answer is shared by, if has_key */
        bool is_kept;             /* the capsule is in the store */
        bool is_compiled;         /* the plan was compiled, if it is one */
        bool has_key, reused;     /* reused: an earlier run had the answer */
        int64_t as_of_s;
        char as_of[CLOCK_TEXT_SIZE];
        int64_t start_us;
};

/* A run between its steps; a question's is the beginning of a larger struct. */
struct run {
        struct job job;
        struct error why; /* what ends it already; NONE: nothing */
        void (*work)(struct run *run, enum run_state *end); /* sets why, or the state at the end */
        void (*release)(struct run *run);                   /* frees all of it */
};

/* As run_finish, but *ret stays untouched whenever it fails. */
int run_to_its_end(struct run *run, struct capsule **ret, struct error *err);

/* Tells whoever watches, once there is a capsule to be told of. */
void job_tell(const struct job *job);

/* Puts a pending capsule with what is known into the store, before anything is looked at; *why says
 * what is already wrong with the input. job is zeroed before; job_done releases it in any case. */
int job_begin(struct job *job, struct capsule_store *store, struct executor *executor,
              const struct run_input *input, struct error *why, struct error *err);
void job_done(struct job *job);

/* Asks the runner for the tables' columns and values, for a planner. The capsule stays pending, as
 * it may still become an abstention. The caller frees *ret. */
int job_look(struct job *job, struct value_index **ret, struct error *why);

/* The plan that was made for the question, and how it was read; text and reading stay the
 * caller's, and must be there until the job's end. */
int job_take_plan(struct job *job, const char *text, size_t n, const json_t *reading,
                  struct error *why);

/* Compiles the plan, if it is one, and runs. */
int job_run(struct job *job, struct error *why);

/* Seals the capsule: by why's error, or in the state `end` when there is none. */
int job_end(struct job *job, enum run_state end, const struct error *why, struct error *err);

/* Milliseconds since the job began. */
double job_elapsed_ms(const struct job *job);

#endif
