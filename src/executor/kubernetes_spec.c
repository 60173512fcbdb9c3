#include "executor/kubernetes_spec.h"

#include "executor/away.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "base/json.h"
#include "kube/from_yaml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USER 65532 /* of the image; nobody's on any node */
#define REQUEST_VARIABLE "ASKCSV_REQUEST"
#define REQUEST_FOLDER "/request"
#define TMP_SIZE "16Mi"

/* ---- the template ---- */

/* What a template may say; all else would have no effect, or take a wall down. */
static const char *const metadata_members[] = {"labels", "annotations", NULL};
static const char *const spec_members[] = {"nodeSelector",
                                           "tolerations",
                                           "affinity",
                                           "topologySpreadConstraints",
                                           "runtimeClassName",
                                           "priorityClassName",
                                           "schedulerName",
                                           "imagePullSecrets",
                                           "volumes",
                                           "initContainers",
                                           "containers",
                                           "securityContext",
                                           NULL};
static const char *const security_members[] = {
        "fsGroup",    "fsGroupChangePolicy", "runAsUser",
        "runAsGroup", "supplementalGroups",  "seLinuxOptions",
        NULL};
static const char *const container_members[] = {
        "name", "volumeMounts", "resources", "imagePullPolicy", "env", NULL};

static int check_members(const json_t *object, const char *const *known, const char *where,
                         struct error *err)
{
        const char *key;
        json_t *value;
        if (object && !json_is_object(object))
                return error_set(err, ERROR_USAGE, "%s is no object", where);
        json_object_foreach((json_t *)object, key, value)
        {
                size_t i = 0;
                while (known[i] && strcmp(known[i], key) != 0)
                        i++;
                if (!known[i])
                        return error_set(err, ERROR_USAGE, "%s may not have \"%.60s\"", where, key);
        }
        return 0;
}

/* What is not of the right shape would be in nobody's pod. */
static int check_list(const json_t *object, const char *key, struct error *err)
{
        const json_t *list = json_object_get(object, key);
        bool is_well = !list || json_is_array(list);
        size_t i;
        json_t *one;
        json_array_foreach(list, i, one)
        {
                is_well = is_well && json_is_object(one);
        }
        return is_well ? 0 : error_set(err, ERROR_USAGE, "%s wants a list of objects", key);
}

static int check_map(const json_t *object, const char *key, struct error *err)
{
        const json_t *map = json_object_get(object, key);
        return !map || json_is_object(map) ? 0
                                           : error_set(err, ERROR_USAGE, "%s wants an object", key);
}

static int check_shapes(const json_t *metadata, const json_t *spec, const json_t *runner,
                        struct error *err)
{
        static const char *const lists[] = {"containers", "initContainers", "volumes",
                                            "tolerations", "imagePullSecrets"};
        const json_t *resources = json_object_get(runner, "resources");
        int r = check_map(metadata, "labels", err);
        if (r == 0)
                r = check_map(metadata, "annotations", err);
        for (size_t i = 0; i < ARRAY_SIZE(lists) && r == 0; i++)
                r = check_list(spec, lists[i], err);
        if (r == 0)
                r = check_list(runner, "volumeMounts", err);
        if (r == 0)
                r = check_list(runner, "env", err);
        if (r == 0)
                r = check_map(runner, "resources", err);
        if (r == 0)
                r = check_map(resources, "limits", err);
        return r < 0 ? r : check_map(resources, "requests", err);
}

static const json_t *runner_of(const json_t *pod_template)
{
        return json_array_get(json_object_get(json_object_get(pod_template, "spec"), "containers"),
                              0);
}

static int check_template(const json_t *it, struct error *err)
{
        static const char *const top[] = {"metadata", "spec", "apiVersion", "kind", NULL};
        const json_t *spec = json_object_get(it, "spec");
        const json_t *containers = json_object_get(spec, "containers");
        const json_t *runner = runner_of(it);
        const char *name = json_get_string(runner, "name");
        int r = json_is_object(it) ? check_members(it, top, "it", err)
                                   : error_set(err, ERROR_USAGE, "it is no object");
        if (r == 0)
                r = check_members(json_object_get(it, "metadata"), metadata_members, "metadata",
                                  err);
        if (r == 0)
                r = check_members(spec, spec_members, "spec", err);
        if (r == 0)
                r = check_members(json_object_get(spec, "securityContext"), security_members,
                                  "spec.securityContext", err);
        if (r == 0)
                r = check_shapes(json_object_get(it, "metadata"), spec, runner, err);
        if (r == 0 && containers &&
            (json_array_size(containers) != 1 || !name || strcmp(name, KUBERNETES_CONTAINER) != 0))
                return error_set(
                        err, ERROR_USAGE,
                        "spec.containers wants one container, named " KUBERNETES_CONTAINER);
        return r < 0 ? r : check_members(runner, container_members, "the container", err);
}

int kubernetes_template_read(const char *path, json_t **ret, struct error *err)
{
        _cleanup_buf_ struct buf text = {0};
        _cleanup_json_ json_t *it = NULL;
        *ret = NULL;
        if (!*path)
                return 0;
        buf_init(&text, YAML_BYTES_MAX);
        int r = fd_read_file(path, &text, err);
        if (r == 0)
                r = yaml_parse(buf_text(&text), text.len, ERROR_USAGE, &it, err);
        if (r == 0)
                r = check_template(it, err);
        if (r < 0)
                return error_prefix(err, r, "the pod template %s (kubernetes_template)", path);
        *ret = steal_ptr(&it);
        return 0;
}

/* ---- the request ---- */

size_t kubernetes_pieces(const struct executor_kubernetes *settings,
                         const struct executor_call *call)
{
        if (call->request_bytes == 0 ||
            (call->request_bytes <= KUBERNETES_ENV_MAX && !settings->request_by_secret))
                return 0;
        return (call->request_bytes + KUBERNETES_PIECE_MAX - 1) / KUBERNETES_PIECE_MAX;
}

void kubernetes_secret_name(const char *owner, size_t piece, char out[64])
{
        (void)snprintf(out, 64, KUBERNETES_NAME_PREFIX "%s-%zu", owner, piece);
}

/* Takes value over; false for no memory. */
static bool set(json_t *object, const char *key, json_t *value)
{
        return value && json_object_set_new(object, key, value) == 0;
}

static bool append(json_t *list, json_t *value)
{
        return value && json_array_append_new(list, value) == 0;
}

/* ---- the pod ---- */

static json_t *labels_of(const struct kubernetes_spec *spec)
{
        const json_t *more =
                json_object_get(json_object_get(spec->pod_template, "metadata"), "labels");
        json_t *labels = json_pack("{s:s, s:s, s:s}", "app.kubernetes.io/name", "askcsv-runner",
                                   "app.kubernetes.io/managed-by", "askcsv", KUBERNETES_LABEL_OWNER,
                                   spec->owner);
        if (labels && spec->pool && !set(labels, KUBERNETES_LABEL_POOL, json_string(spec->pool))) {
                json_decref(labels);
                return NULL;
        }
        if (labels && more && json_object_update_missing(labels, (json_t *)more) < 0) {
                json_decref(labels);
                return NULL;
        }
        return labels;
}

/* In a pod of ours, that pod owns what it makes: with it all of that goes. */
static json_t *owners_of_us(void)
{
        const char *name = getenv("POD_NAME");
        const char *uid = getenv("POD_UID");
        if (!name || !*name || !uid || !*uid)
                return json_array();
        return json_pack("[{s:s, s:s, s:s, s:s}]", "apiVersion", "v1", "kind", "Pod", "name", name,
                         "uid", uid);
}

static json_t *metadata_of(const struct kubernetes_spec *spec, const char *name)
{
        return json_pack("{s:s, s:o, s:o}", "name", name, "labels", labels_of(spec),
                         "ownerReferences", owners_of_us());
}

/* No privilege, no capability, nothing to write to, and the node's usual filter of system calls. */
static json_t *container_walls(void)
{
        return json_pack("{s:b, s:b, s:b, s:b, s:{s:[s]}, s:{s:s}}", "allowPrivilegeEscalation", 0,
                         "privileged", 0, "readOnlyRootFilesystem", 1, "runAsNonRoot", 1,
                         "capabilities", "drop", "ALL", "seccompProfile", "type", "RuntimeDefault");
}

static json_t *pod_walls(const struct kubernetes_spec *spec)
{
        const json_t *more =
                json_object_get(json_object_get(spec->pod_template, "spec"), "securityContext");
        json_t *walls = json_pack("{s:i, s:i}", "runAsUser", USER, "runAsGroup", USER);
        if (!walls || (more && json_object_update(walls, (json_t *)more) < 0) ||
            !set(walls, "runAsNonRoot", json_true()) ||
            !set(walls, "seccompProfile", json_pack("{s:s}", "type", "RuntimeDefault"))) {
                json_decref(walls);
                return NULL;
        }
        return walls;
}

/* The scheduler is told of all the memory, so that no run is put where it would not fit. */
static json_t *resources_of(const struct kubernetes_spec *spec)
{
        const json_t *asked = json_object_get(runner_of(spec->pod_template), "resources");
        char memory[32];
        char cpu[32];
        (void)snprintf(memory, sizeof(memory), "%lldMi", (long long)away_memory_mb(spec->call));
        (void)snprintf(cpu, sizeof(cpu), "%lld", (long long)spec->call->threads + 1);
        json_t *limits = json_pack("{s:s, s:s}", "memory", memory, "cpu", cpu);
        json_t *requests = json_pack("{s:s, s:s}", "memory", memory, "cpu", "100m");
        json_t *more_limits = json_object_get(asked, "limits");
        json_t *more_requests = json_object_get(asked, "requests");
        json_t *resources = json_pack("{s:o, s:o}", "limits", limits, "requests", requests);
        if (resources && ((more_limits && json_object_update_missing(limits, more_limits) < 0) ||
                          (more_requests && json_object_update(requests, more_requests) < 0))) {
                json_decref(resources);
                return NULL;
        }
        return resources;
}

static json_t *arguments_of(const struct kubernetes_spec *spec)
{
        _cleanup_json_ json_t *list = json_array();
        const char *const by[] = {spec->pieces > 0 ? "--request-dir" : "--request-env",
                                  spec->pieces > 0 ? REQUEST_FOLDER : REQUEST_VARIABLE};
        for (size_t i = 0; spec->arguments[i]; i++)
                if (!append(list, json_string(spec->arguments[i])))
                        return NULL;
        for (size_t i = 0; spec->call->request_bytes > 0 && i < ARRAY_SIZE(by); i++)
                if (!append(list, json_string(by[i])))
                        return NULL;
        return steal_ptr(&list);
}

/* A copy of the template's list, or an empty one. */
static json_t *list_of(const json_t *object, const char *key)
{
        const json_t *list = json_object_get(object, key);
        return json_is_array(list) ? json_deep_copy(list) : json_array();
}

/* In a variable's value the cluster would replace $(NAME); "$$" is a dollar. */
static json_t *request_variable(const struct executor_call *call)
{
        _cleanup_buf_ struct buf value = {0};
        buf_init(&value, 2 * KUBERNETES_ENV_MAX);
        for (size_t i = 0; i < call->request_bytes; i++) {
                buf_putc(&value, call->request[i]);
                if (call->request[i] == '$')
                        buf_putc(&value, '$');
        }
        return value.state != BUF_OK ? NULL
                                     : json_pack("{s:s, s:s}", "name", REQUEST_VARIABLE, "value",
                                                 buf_text(&value));
}

static json_t *environment_of(const struct kubernetes_spec *spec)
{
        _cleanup_json_ json_t *list = list_of(runner_of(spec->pod_template), "env");
        if (!list || (spec->pieces == 0 && spec->call->request_bytes > 0 &&
                      !append(list, request_variable(spec->call))))
                return NULL;
        return steal_ptr(&list);
}

/* What the template mounts is only read. */
static json_t *mounts_of(const struct kubernetes_spec *spec)
{
        _cleanup_json_ json_t *list = list_of(runner_of(spec->pod_template), "volumeMounts");
        size_t i;
        json_t *one;
        json_array_foreach(list, i, one)
        {
                if (!set(one, "readOnly", json_true()))
                        return NULL;
        }
        if (!append(list, json_pack("{s:s, s:s}", "name", "askcsv-tmp", "mountPath", "/tmp")) ||
            (spec->pieces > 0 &&
             !append(list, json_pack("{s:s, s:s, s:b}", "name", "askcsv-request", "mountPath",
                                     REQUEST_FOLDER, "readOnly", 1))))
                return NULL;
        return steal_ptr(&list);
}

/* {"projected": {"sources": [...]}}: the pieces as the files 0, 1, 2 ... of one folder. */
static json_t *request_volume(const struct kubernetes_spec *spec)
{
        _cleanup_json_ json_t *sources = json_array();
        for (size_t i = 0; i < spec->pieces; i++) {
                char name[64];
                kubernetes_secret_name(spec->owner, i, name);
                if (!append(sources, json_pack("{s:{s:s}}", "secret", "name", name)))
                        return NULL;
        }
        return json_pack("{s:s, s:{s:O}}", "name", "askcsv-request", "projected", "sources",
                         sources);
}

static json_t *volumes_of(const struct kubernetes_spec *spec)
{
        _cleanup_json_ json_t *list =
                list_of(json_object_get(spec->pod_template, "spec"), "volumes");
        if (!list ||
            !append(list, json_pack("{s:s, s:{s:s, s:s}}", "name", "askcsv-tmp", "emptyDir",
                                    "medium", "Memory", "sizeLimit", TMP_SIZE)) ||
            (spec->pieces > 0 && !append(list, request_volume(spec))))
                return NULL;
        return steal_ptr(&list);
}

static json_t *container_of_run(const struct kubernetes_spec *spec)
{
        const char *pull = json_get_string(runner_of(spec->pod_template), "imagePullPolicy");
        _cleanup_json_ json_t *container = json_pack(
                "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b}", "name", KUBERNETES_CONTAINER,
                "image", spec->settings->image, "args", arguments_of(spec), "env",
                environment_of(spec), "volumeMounts", mounts_of(spec), "resources",
                resources_of(spec), "securityContext", container_walls(), "stdin",
                spec->is_attached, "stdinOnce", spec->is_attached);
        if (!container || (pull && !set(container, "imagePullPolicy", json_string(pull))))
                return NULL;
        return steal_ptr(&container);
}

/* They fetch data, and may need a network and a disk for it; but no privilege. */
static bool wall_in(json_t *init_containers)
{
        size_t i;
        json_t *one;
        json_array_foreach(init_containers, i, one)
        {
                _cleanup_json_ json_t *walls = container_walls();
                if (!walls || json_object_del(walls, "readOnlyRootFilesystem") < 0 ||
                    json_object_set(one, "securityContext", walls) < 0)
                        return false;
        }
        return true;
}

/* Nothing of the cluster's is in it: no token, no variables of services. */
static json_t *pod_spec(const struct kubernetes_spec *spec)
{
        const json_t *its = json_object_get(spec->pod_template, "spec");
        _cleanup_json_ json_t *pod = its ? json_deep_copy(its) : json_object();
        json_t *more = json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:s, s:i, s:o, s:[o], s:o}",
                                 "restartPolicy", "Never", "automountServiceAccountToken", 0,
                                 "enableServiceLinks", 0, "hostNetwork", 0, "hostPID", 0, "hostIPC",
                                 0, "hostname", "runner", "terminationGracePeriodSeconds", 1,
                                 "securityContext", pod_walls(spec), "containers",
                                 container_of_run(spec), "volumes", volumes_of(spec));
        bool merged = pod && more && json_object_update(pod, more) == 0 &&
                      wall_in(json_object_get(pod, "initContainers"));
        json_decref(more);
        return merged ? steal_ptr(&pod) : NULL;
}

static json_t *pod_metadata(const struct kubernetes_spec *spec)
{
        const json_t *notes =
                json_object_get(json_object_get(spec->pod_template, "metadata"), "annotations");
        _cleanup_json_ json_t *metadata = json_pack("{s:o}", "labels", labels_of(spec));
        if (!metadata || (notes && json_object_set(metadata, "annotations", (json_t *)notes) < 0))
                return NULL;
        return steal_ptr(&metadata);
}

/* ---- whole objects ---- */

static void name_of(const struct kubernetes_spec *spec, char out[64])
{
        (void)snprintf(out, 64, KUBERNETES_NAME_PREFIX "%s", spec->owner);
}

json_t *kubernetes_job(const struct kubernetes_spec *spec)
{
        char name[64];
        name_of(spec, name);
        return json_pack("{s:s, s:s, s:o, s:{s:i, s:i, s:i, s:I, s:I, s:{s:o, s:o}}}", "apiVersion",
                         "batch/v1", "kind", "Job", "metadata", metadata_of(spec, name), "spec",
                         "backoffLimit", 0, "completions", 1, "parallelism", 1,
                         "activeDeadlineSeconds", (json_int_t)spec->active_s,
                         "ttlSecondsAfterFinished", (json_int_t)spec->settings->ttl_s, "template",
                         "metadata", pod_metadata(spec), "spec", pod_spec(spec));
}

json_t *kubernetes_pod(const struct kubernetes_spec *spec)
{
        char name[64];
        name_of(spec, name);
        _cleanup_json_ json_t *metadata = metadata_of(spec, name);
        _cleanup_json_ json_t *its = pod_metadata(spec);
        if (!metadata || !its || json_object_update(metadata, its) < 0)
                return NULL;
        json_t *pod = json_pack("{s:s, s:s, s:O, s:o}", "apiVersion", "v1", "kind", "Pod",
                                "metadata", metadata, "spec", pod_spec(spec));
        if (pod && !set(json_object_get(pod, "spec"), "activeDeadlineSeconds",
                        json_integer((json_int_t)spec->active_s))) {
                json_decref(pod);
                return NULL;
        }
        return pod;
}

json_t *kubernetes_secret(const struct kubernetes_spec *spec, size_t piece)
{
        char name[64];
        char key[8];
        const struct executor_call *call = spec->call;
        size_t from = piece * KUBERNETES_PIECE_MAX;
        size_t n = call->request_bytes - from;
        _cleanup_buf_ struct buf data = {0};
        kubernetes_secret_name(spec->owner, piece, name);
        (void)snprintf(key, sizeof(key), "%zu", piece);
        buf_init(&data, KUBERNETES_PIECE_MAX * 2);
        base64_put(&data, call->request + from,
                   n < KUBERNETES_PIECE_MAX ? n : KUBERNETES_PIECE_MAX);
        return data.state != BUF_OK
                       ? NULL
                       : json_pack("{s:s, s:s, s:s, s:b, s:o, s:{s:s}}", "apiVersion", "v1", "kind",
                                   "Secret", "type", "Opaque", "immutable", 1, "metadata",
                                   metadata_of(spec, name), "data", key, buf_text(&data));
}
