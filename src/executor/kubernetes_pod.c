#include "executor/kubernetes_pod.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "executor/kubernetes_spec.h"

#include <stdio.h>
#include <string.h>

static const json_t *find_named(const json_t *list, const char *key, const char *name)
{
        size_t i;
        json_t *one;
        json_array_foreach((json_t *)list, i, one)
        {
                const char *its = json_get_string(one, key);
                if (its && strcmp(its, name) == 0)
                        return one;
        }
        return NULL;
}

static bool is_one_of(const char *word, const char *const *words)
{
        for (; word && *words; words++)
                if (strcmp(word, *words) == 0)
                        return true;
        return false;
}

/* "Reason: message", or what there is of it, in front of what was known already. */
static void tell(struct pod_state *state, const char *reason, const char *message)
{
        bool both = reason && *reason && message && *message;
        (void)snprintf(state->why, sizeof(state->why), "%s%s%s", reason ? reason : "",
                       both ? ": " : "", message ? message : "");
        for (char *p = state->why; *p; p++)
                if ((unsigned char)*p < ' ')
                        *p = ' ';
}

/* A kubelet tries these again and again, and nothing changes. */
static bool is_hopeless(const char *reason)
{
        static const char *const reasons[] = {"ImagePullBackOff",           "ErrImageNeverPull",
                                              "InvalidImageName",           "CreateContainerError",
                                              "CreateContainerConfigError", NULL};
        return is_one_of(reason, reasons);
}

static bool is_about_image(const char *reason)
{
        static const char *const reasons[] = {"ImagePullBackOff",
                                              "ErrImageNeverPull",
                                              "InvalidImageName",
                                              "ErrImagePull",
                                              "RegistryUnavailable",
                                              "ImageInspectError",
                                              NULL};
        return is_one_of(reason, reasons);
}

static void read_terminated(const json_t *terminated, struct pod_state *state)
{
        const char *reason = json_get_string(terminated, "reason");
        state->phase = POD_ENDED;
        state->exit_code = (int)json_get_int(terminated, "exitCode", -1);
        state->is_oom = reason && strcmp(reason, "OOMKilled") == 0;
        if (state->exit_code != 0)
                tell(state, reason, json_get_string(terminated, "message"));
}

static void read_waiting(const json_t *waiting, struct pod_state *state)
{
        static const char *const ordinary[] = {"ContainerCreating", "PodInitializing", NULL};
        const char *reason = json_get_string(waiting, "reason");
        if (is_hopeless(reason))
                state->phase = POD_HOPELESS;
        state->is_image = is_about_image(reason);
        if (reason && !is_one_of(reason, ordinary))
                tell(state, reason, json_get_string(waiting, "message"));
}

static void read_container(const json_t *status, struct pod_state *state)
{
        const json_t *its = json_object_get(status, "state");
        const json_t *terminated = json_object_get(its, "terminated");
        if (terminated)
                read_terminated(terminated, state);
        else if (json_object_get(its, "running"))
                state->phase = POD_RUNNING;
        else
                read_waiting(json_object_get(its, "waiting"), state);
}

static void read_waiting_init(const json_t *waiting, const char *name, struct pod_state *state)
{
        char text[sizeof(state->why)];
        read_waiting(waiting, state);
        if (state->phase != POD_HOPELESS)
                return;
        (void)snprintf(text, sizeof(text), "%s", state->why);
        (void)snprintf(state->why, sizeof(state->why), "the init container %.100s: %.500s",
                       name ? name : "?", text);
}

/* Init containers run before the runner does. */
static void read_init(const json_t *status, struct pod_state *state)
{
        char text[512];
        size_t i;
        json_t *one;
        json_array_foreach(json_object_get(status, "initContainerStatuses"), i, one)
        {
                const json_t *its = json_object_get(one, "state");
                const json_t *terminated = json_object_get(its, "terminated");
                const json_t *waiting = json_object_get(its, "waiting");
                const char *name = json_get_string(one, "name");
                if (json_get_int(terminated, "exitCode", 0) != 0) {
                        (void)snprintf(text, sizeof(text), "the init container %s failed (%s)",
                                       name ? name : "?",
                                       json_get_string(terminated, "reason")
                                               ? json_get_string(terminated, "reason")
                                               : "no reason is given");
                        tell(state, text, json_get_string(terminated, "message"));
                } else if (waiting) {
                        read_waiting_init(waiting, name, state);
                }
        }
}

/* As the scheduler says it: "0/3 nodes are available: 1 Insufficient memory, 2 node(s) had taint
 * {node.kubernetes.io/disk-pressure: }, that the pod didn't tolerate." */
static bool is_about_room(const char *message)
{
        static const char *const signs[] = {"Insufficient ", "Too many pods", "memory-pressure",
                                            "disk-pressure", "pid-pressure"};
        for (size_t i = 0; message && i < ARRAY_SIZE(signs); i++)
                if (strstr(message, signs[i]))
                        return true;
        return false;
}

static void read_scheduling(const json_t *status, struct pod_state *state)
{
        const json_t *condition =
                find_named(json_object_get(status, "conditions"), "type", "PodScheduled");
        const char *value = json_get_string(condition, "status");
        if (!value || strcmp(value, "False") != 0)
                return;
        const char *message = json_get_string(condition, "message");
        state->is_unplaced = true;
        state->is_room = is_about_room(message);
        tell(state, json_get_string(condition, "reason"), message);
}

/* The whole pod has failed: evicted, refused by its node, out of time. What is said of the pod says
 * more than what is said of its container. */
static void read_failure(const json_t *status, struct pod_state *state)
{
        static const char *const room[] = {"Evicted",      "OutOfmemory", "OutOfcpu",
                                           "OutOfpods",    "Preempting",  "OutOfephemeral-storage",
                                           "NodePressure", NULL};
        const char *phase = json_get_string(status, "phase");
        const char *reason = json_get_string(status, "reason");
        if (!phase || strcmp(phase, "Failed") != 0)
                return;
        if (state->phase != POD_ENDED) {
                state->phase = POD_ENDED;
                state->exit_code = -1;
        }
        if (!reason)
                return;
        state->is_room = is_one_of(reason, room);
        state->is_late = strcmp(reason, "DeadlineExceeded") == 0;
        tell(state, reason, json_get_string(status, "message"));
}

void pod_read(const json_t *pod, struct pod_state *ret)
{
        const json_t *metadata = json_object_get(pod, "metadata");
        const json_t *status = json_object_get(pod, "status");
        const char *name = json_get_string(metadata, "name");
        *ret = (struct pod_state){.phase = POD_PENDING, .exit_code = -1};
        (void)snprintf(ret->name, sizeof(ret->name), "%s", name ? name : "");
        ret->is_going = json_object_get(metadata, "deletionTimestamp") != NULL;
        read_scheduling(status, ret);
        read_init(status, ret);
        read_container(find_named(json_object_get(status, "containerStatuses"), "name",
                                  KUBERNETES_CONTAINER),
                       ret);
        read_failure(status, ret);
}
