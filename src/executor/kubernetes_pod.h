/* What a pod's status says about the run in it
 * (https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/). */
#ifndef ASKCSV_EXECUTOR_KUBERNETES_POD_H
#define ASKCSV_EXECUTOR_KUBERNETES_POD_H

#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>

enum pod_phase {
        POD_ABSENT,   /* there is none yet */
        POD_PENDING,  /* it waits for a node, an image, a volume */
        POD_RUNNING,  /* the runner runs */
        POD_ENDED,    /* the runner has ended, or never began and never will */
        POD_HOPELESS, /* it waits for what will not come */
};

struct pod_state {
        enum pod_phase phase;
        char name[254]; /* of the pod, or "" */
        int exit_code;  /* of POD_ENDED; -1: the runner did not get so far */
        bool is_oom;    /* killed for want of memory */
        bool is_room;   /* what it waits for, or died of, is room: memory, CPU, a disk */
        bool is_going;  /* somebody has deleted it */
        char why[700];  /* what the cluster says of it, or "" */
};

void pod_read(const json_t *pod, struct pod_state *ret);

#endif
