/* What a run is made of in a cluster, and what a pod's status says about it. The statuses in
 * pods.json are those of a real cluster (1.20), word for word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "executor/kubernetes_pod.h"
#include "executor/kubernetes_spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWNER "01a217ce-5d0f-7493-8c10-9e7650046fa9"

/* ---- pods ---- */

static void check_pod(const json_t *pods, const char *name, enum pod_phase phase, int exit_code,
                      const char *flags, const char *why)
{
        struct pod_state state;
        const json_t *pod = json_object_get(pods, name);
        char is[8] = "";
        assert_non_null(pod);
        pod_read(pod, &state);
        (void)snprintf(is, sizeof(is), "%s%s%s%s%s%s", state.is_oom ? "o" : "",
                       state.is_image ? "i" : "", state.is_unplaced ? "u" : "",
                       state.is_room ? "r" : "", state.is_late ? "l" : "",
                       state.is_going ? "g" : "");
        if (state.phase != phase || state.exit_code != exit_code || strcmp(is, flags) != 0 ||
            !strstr(state.why, why) || (!*why && *state.why))
                fail_msg("%s: phase %d, exit code %d, flags \"%s\", \"%s\"", name, (int)state.phase,
                         state.exit_code, is, state.why);
        if (json_get_string(json_object_get(pod, "metadata"), "name"))
                assert_string_equal(state.name,
                                    json_get_string(json_object_get(pod, "metadata"), "name"));
}

static void test_pods(void **state)
{
        (void)state;
        static const struct {
                const char *name;
                enum pod_phase phase;
                int exit_code;
                const char *flags;
                const char *why;
        } cases[] = {
                {"unschedulable-selector", POD_PENDING, -1, "u", "Unschedulable: 0/1 nodes"},
                {"unschedulable-memory", POD_PENDING, -1, "ur", "Insufficient memory"},
                {"unschedulable-claim", POD_PENDING, -1, "u", "\"nothing\" not found"},
                {"mount-missing", POD_PENDING, -1, "", ""},
                {"image-failed", POD_PENDING, -1, "i", "connection refused"},
                {"image-waiting", POD_HOPELESS, -1, "i", "ImagePullBackOff: Back-off"},
                {"image-never", POD_HOPELESS, -1, "i", "ErrImageNeverPull: Container image"},
                {"image-name", POD_HOPELESS, -1, "i", "InvalidImageName: "},
                {"config", POD_HOPELESS, -1, "",
                 "CreateContainerConfigError: secret \"nothing\" not found"},
                {"init-running", POD_PENDING, -1, "", ""},
                {"init-failed", POD_ENDED, -1, "", "the init container fetch failed (Error)"},
                {"init-image", POD_HOPELESS, -1, "",
                 "the init container fetch: ErrImageNeverPull: Container image"},
                {"running", POD_RUNNING, -1, "", ""},
                {"going", POD_RUNNING, -1, "g", ""},
                {"completed", POD_ENDED, 0, "", ""},
                {"exit-2", POD_ENDED, 2, "", "Error"},
                {"start-error", POD_ENDED, 128, "", "StartError: failed to create"},
                {"oom", POD_ENDED, 137, "o", "OOMKilled"},
                {"evicted", POD_ENDED, -1, "r", "Evicted: Pod ephemeral local storage"},
                {"deadline", POD_ENDED, -1, "l", "DeadlineExceeded: Pod was active"},
        };
        _cleanup_json_ json_t *pods = json_load_file("tests/unit/pods.json", 0, NULL);
        assert_non_null(pods);
        assert_int_equal(json_object_size(pods), ARRAY_SIZE(cases));
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
                check_pod(pods, cases[i].name, cases[i].phase, cases[i].exit_code, cases[i].flags,
                          cases[i].why);
}

/* What no cluster gives must do no harm. */
static void test_odd_pods(void **state)
{
        (void)state;
        static const char *const texts[] = {
                "null",
                "5",
                "[]",
                "{}",
                "{\"metadata\": 5, \"status\": []}",
                "{\"status\": {\"conditions\": {}, \"containerStatuses\": [5, {\"name\": 5}]}}",
                "{\"status\": {\"containerStatuses\": [{\"name\": \"runner\", \"state\": 5}]}}",
                "{\"status\": {\"initContainerStatuses\": [null, {\"state\": {\"waiting\": 5}}]}}",
                "{\"status\": {\"conditions\": [{\"type\": \"PodScheduled\"}]}}",
        };
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
                struct pod_state is;
                _cleanup_json_ json_t *pod = json_loads(texts[i], JSON_DECODE_ANY, NULL);
                assert_non_null(pod);
                pod_read(pod, &is);
                assert_int_equal(is.phase, POD_PENDING);
                assert_string_equal(is.why, "");
                assert_string_equal(is.name, "");
        }
        struct pod_state is;
        _cleanup_json_ json_t *pod =
                json_pack("{s:{s:[{s:s, s:{s:{s:s, s:s}}}]}}", "status", "containerStatuses",
                          "name", "runner", "state", "waiting", "reason", "ErrImagePull", "message",
                          "two\nlines\x01");
        pod_read(pod, &is);
        assert_string_equal(is.why, "ErrImagePull: two lines ");
}

/* ---- templates ---- */

static int read_template(const char *text, json_t **ret, struct error *err)
{
        char path[] = "/tmp/askcsv-template-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        assert_int_equal(close(fd), 0);
        int r = kubernetes_template_read(path, ret, err);
        assert_int_equal(unlink(path), 0);
        assert_true(r == 0 || strstr(err->message, path));
        return r;
}

static void test_template(void **state)
{
        (void)state;
        struct error err = {0};
        json_t *it = (json_t *)&err;
        assert_int_equal(kubernetes_template_read("", &it, &err), 0);
        assert_null(it);
        assert_int_equal(kubernetes_template_read("/nothing/here", &it, &err), -(int)ERROR_IO);
        assert_non_null(strstr(err.message, "kubernetes_template"));
        static const char *const fine[] = {
                "{}",
                "metadata: {labels: {a: b}, annotations: {c: d}}",
                "apiVersion: v1\nkind: PodTemplate\nspec: {}",
                "spec: {nodeSelector: {a: b}, tolerations: [{key: x}], affinity: {}, "
                "runtimeClassName: gvisor, priorityClassName: low, imagePullSecrets: [{name: x}], "
                "topologySpreadConstraints: [], schedulerName: mine}",
                "spec: {securityContext: {fsGroup: 1, runAsUser: 2, runAsGroup: 3, "
                "supplementalGroups: [4], fsGroupChangePolicy: OnRootMismatch}}",
                "spec: {containers: [{name: runner, volumeMounts: [{name: a, mountPath: /a}], "
                "resources: {limits: {cpu: 2}, requests: {cpu: 1}}, imagePullPolicy: Always, "
                "env: [{name: A, value: b}]}]}",
        };
        for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
                _cleanup_json_ json_t *read = NULL;
                if (read_template(fine[i], &read, &err) < 0)
                        fail_msg("%s: %s", fine[i], err.message);
        }
}

static void test_templates_refused(void **state)
{
        (void)state;
        static const char *const cases[][2] = {
                {"[]", "no object"},
                {"5", "no object"},
                {"", "empty"},
                {"spec: [", "line 2"},
                {"{template: {}}", "\"template\""},
                {"metadata: {name: x}", "\"name\""},
                {"metadata: {namespace: x}", "\"namespace\""},
                {"metadata: {ownerReferences: []}", "\"ownerReferences\""},
                {"metadata: {labels: 5}", "labels"},
                {"metadata: {annotations: []}", "annotations"},
                {"metadata: 5", "metadata"},
                {"spec: []", "spec is no object"},
                {"spec: {hostNetwork: true}", "\"hostNetwork\""},
                {"spec: {hostPID: true}", "\"hostPID\""},
                {"spec: {hostIPC: true}", "\"hostIPC\""},
                {"spec: {shareProcessNamespace: true}", "\"shareProcessNamespace\""},
                {"spec: {serviceAccountName: x}", "\"serviceAccountName\""},
                {"spec: {automountServiceAccountToken: true}", "\"automountServiceAccountToken\""},
                {"spec: {restartPolicy: Always}", "\"restartPolicy\""},
                {"spec: {nodeName: x}", "\"nodeName\""},
                {"spec: {ephemeralContainers: []}", "\"ephemeralContainers\""},
                {"spec: {securityContext: {runAsNonRoot: false}}", "\"runAsNonRoot\""},
                {"spec: {securityContext: {seccompProfile: {type: Unconfined}}}",
                 "\"seccompProfile\""},
                {"spec: {securityContext: {sysctls: []}}", "\"sysctls\""},
                {"spec: {securityContext: 5}", "securityContext"},
                {"spec: {containers: 5}", "containers"},
                {"spec: {containers: []}", "named runner"},
                {"spec: {containers: [{name: x}]}", "named runner"},
                {"spec: {containers: [{name: runner}, {name: x}]}", "named runner"},
                {"spec: {containers: [{name: runner, securityContext: {privileged: true}}]}",
                 "\"securityContext\""},
                {"spec: {containers: [{name: runner, command: [sh]}]}", "\"command\""},
                {"spec: {containers: [{name: runner, args: []}]}", "\"args\""},
                {"spec: {containers: [{name: runner, image: x}]}", "\"image\""},
                {"spec: {containers: [{name: runner, lifecycle: {}}]}", "\"lifecycle\""},
                {"spec: {containers: [{name: runner, envFrom: []}]}", "\"envFrom\""},
                {"spec: {containers: [{name: runner, volumeMounts: [5]}]}", "volumeMounts"},
                {"spec: {containers: [{name: runner, volumeMounts: {}}]}", "volumeMounts"},
                {"spec: {containers: [{name: runner, env: [x]}]}", "env"},
                {"spec: {containers: [{name: runner, resources: 5}]}", "resources"},
                {"spec: {containers: [{name: runner, resources: {limits: 5}}]}", "limits"},
                {"spec: {containers: [{name: runner, resources: {requests: []}}]}", "requests"},
                {"spec: {volumes: {}}", "volumes"},
                {"spec: {initContainers: [x]}", "initContainers"},
        };
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                struct error err = {0};
                json_t *it = NULL;
                if (read_template(cases[i][0], &it, &err) != -(int)ERROR_USAGE)
                        fail_msg("taken: %s", cases[i][0]);
                assert_null(it);
                if (!strstr(err.message, cases[i][1]))
                        fail_msg("\"%s\" does not say \"%s\"", err.message, cases[i][1]);
        }
}

/* ---- what is made ---- */

static const char *const arguments[] = {"--framed", "--data-root", "/data", NULL};

static struct executor_kubernetes settings = {.image = "askcsv-runner:1", .ttl_s = 300};

static struct kubernetes_spec spec_of(const struct executor_call *call)
{
        return (struct kubernetes_spec){.settings = &settings,
                                        .call = call,
                                        .arguments = arguments,
                                        .owner = OWNER,
                                        .active_s = 100,
                                        .pieces = kubernetes_pieces(&settings, call)};
}

static struct executor_call call_of(const char *request)
{
        return (struct executor_call){.request = request,
                                      .request_bytes = strlen(request),
                                      .memory_mb = 1024,
                                      .threads = 2};
}

static void check_json(const json_t *is, const char *wanted)
{
        _cleanup_json_ json_t *it = json_loads(wanted, JSON_DECODE_ANY, NULL);
        assert_non_null(it);
        if (!is || !json_equal(is, it)) {
                _cleanup_free_ char *text = is ? json_dumps(is, JSON_ENCODE_ANY) : NULL;
                fail_msg("it is %s, not %s", text ? text : "missing", wanted);
        }
}

static json_t *pod_spec_of(const json_t *job)
{
        return json_object_get(json_object_get(json_object_get(job, "spec"), "template"), "spec");
}

static json_t *container_of(const json_t *job)
{
        return json_array_get(json_object_get(pod_spec_of(job), "containers"), 0);
}

#define LABELS                                                                                     \
        "{\"app.kubernetes.io/name\": \"askcsv-runner\", "                                         \
        "\"app.kubernetes.io/managed-by\": \"askcsv\", \"askcsv.dev/owner\": \"" OWNER "\"}"

static void test_job(void **state)
{
        (void)state;
        const struct executor_call call = call_of("{\"a\": \"$(A) $$\"}");
        const struct kubernetes_spec spec = spec_of(&call);
        assert_int_equal(spec.pieces, 0);
        (void)unsetenv("POD_NAME");
        (void)unsetenv("POD_UID");
        _cleanup_json_ json_t *job = kubernetes_job(&spec);
        check_json(job,
                   "{\"apiVersion\": \"batch/v1\", \"kind\": \"Job\", \"metadata\": {"
                   "\"name\": \"askcsv-" OWNER "\", \"labels\": " LABELS
                   ", \"ownerReferences\": []}, \"spec\": {\"backoffLimit\": 0, "
                   "\"completions\": 1, \"parallelism\": 1, \"activeDeadlineSeconds\": 100, "
                   "\"ttlSecondsAfterFinished\": 300, \"template\": {\"metadata\": "
                   "{\"labels\": " LABELS "}, \"spec\": {\"restartPolicy\": \"Never\", "
                   "\"automountServiceAccountToken\": false, \"enableServiceLinks\": false, "
                   "\"hostNetwork\": false, \"hostPID\": false, \"hostIPC\": false, "
                   "\"hostname\": \"runner\", \"terminationGracePeriodSeconds\": 1, "
                   "\"securityContext\": {\"runAsUser\": 65532, \"runAsGroup\": 65532, "
                   "\"runAsNonRoot\": true, \"seccompProfile\": {\"type\": \"RuntimeDefault\"}}, "
                   "\"volumes\": [{\"name\": \"askcsv-tmp\", \"emptyDir\": {\"medium\": "
                   "\"Memory\", \"sizeLimit\": \"16Mi\"}}], \"containers\": [{\"name\": "
                   "\"runner\", \"image\": \"askcsv-runner:1\", \"args\": [\"--framed\", "
                   "\"--data-root\", \"/data\", \"--request-env\", \"ASKCSV_REQUEST\"], \"env\": "
                   "[{\"name\": \"ASKCSV_REQUEST\", \"value\": \"{\\\"a\\\": \\\"$$(A) "
                   "$$$$\\\"}\"}], \"volumeMounts\": [{\"name\": \"askcsv-tmp\", \"mountPath\": "
                   "\"/tmp\"}], \"resources\": {\"limits\": {\"memory\": \"1664Mi\", \"cpu\": "
                   "\"3\"}, \"requests\": {\"memory\": \"1664Mi\", \"cpu\": \"100m\"}}, "
                   "\"securityContext\": {\"allowPrivilegeEscalation\": false, \"privileged\": "
                   "false, \"readOnlyRootFilesystem\": true, \"runAsNonRoot\": true, "
                   "\"capabilities\": {\"drop\": [\"ALL\"]}, \"seccompProfile\": {\"type\": "
                   "\"RuntimeDefault\"}}, \"stdin\": false, \"stdinOnce\": false}]}}}}");
}

static void test_owner(void **state)
{
        (void)state;
        const struct executor_call call = call_of("{}");
        struct kubernetes_spec spec = spec_of(&call);
        assert_int_equal(setenv("POD_NAME", "server-1", 1), 0);
        assert_int_equal(setenv("POD_UID", "u-1", 1), 0);
        _cleanup_json_ json_t *job = kubernetes_job(&spec);
        _cleanup_json_ json_t *secret = kubernetes_secret(&spec, 0);
        const char *const ours = "[{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"name\": "
                                 "\"server-1\", \"uid\": \"u-1\"}]";
        (void)unsetenv("POD_NAME");
        (void)unsetenv("POD_UID");
        check_json(json_object_get(json_object_get(job, "metadata"), "ownerReferences"), ours);
        check_json(json_object_get(json_object_get(secret, "metadata"), "ownerReferences"), ours);
        spec.is_attached = true;
        _cleanup_json_ json_t *pod = kubernetes_pod(&spec);
        const json_t *its = json_object_get(pod, "spec");
        assert_string_equal(json_get_string(pod, "kind"), "Pod");
        assert_int_equal(json_get_int(its, "activeDeadlineSeconds", 0), 100);
        const json_t *container = json_array_get(json_object_get(its, "containers"), 0);
        assert_true(json_get_bool(container, "stdin", false));
        assert_true(json_get_bool(container, "stdinOnce", false));
        check_json(json_object_get(json_object_get(pod, "metadata"), "labels"), LABELS);
}

/* Built by hand: kubernetes_template_read lets none of its worst get here, and were it to, the
 * walls win. */
static const char hostile[] =
        "{\"metadata\": {\"labels\": {\"askcsv.dev/owner\": \"x\", \"team\": \"data\", "
        "\"app.kubernetes.io/managed-by\": \"me\"}, \"annotations\": {\"note\": \"1\"}}, "
        "\"spec\": {\"restartPolicy\": \"Always\", \"hostNetwork\": true, \"hostPID\": true, "
        "\"hostIPC\": true, \"automountServiceAccountToken\": true, \"enableServiceLinks\": true, "
        "\"hostname\": \"x\", \"terminationGracePeriodSeconds\": 9999, \"nodeSelector\": {\"a\": "
        "\"b\"}, \"runtimeClassName\": \"gvisor\", \"securityContext\": {\"runAsNonRoot\": false, "
        "\"fsGroup\": 7, \"runAsUser\": 1000, \"seccompProfile\": {\"type\": \"Unconfined\"}}, "
        "\"initContainers\": [{\"name\": \"fetch\", \"image\": \"i\", \"securityContext\": "
        "{\"privileged\": true}}], \"volumes\": [{\"name\": \"data\", \"emptyDir\": {}}], "
        "\"containers\": [{\"name\": \"runner\", \"image\": \"evil\", \"command\": [\"sh\"], "
        "\"args\": [\"-c\"], \"securityContext\": {\"privileged\": true}, \"imagePullPolicy\": "
        "\"Never\", \"env\": [{\"name\": \"ASKCSV_REQUEST\", \"value\": \"theirs\"}], "
        "\"volumeMounts\": [{\"name\": \"data\", \"mountPath\": \"/data\", \"readOnly\": false}], "
        "\"resources\": {\"limits\": {\"memory\": \"1Ti\", \"cpu\": \"64\", "
        "\"ephemeral-storage\": \"1Gi\"}, \"requests\": {\"cpu\": \"50m\"}}, \"tty\": true}]}}";

static void test_walls_win(void **state)
{
        (void)state;
        const struct executor_call call = call_of("{}");
        struct kubernetes_spec spec = spec_of(&call);
        _cleanup_json_ json_t *pod_template = json_loads(hostile, 0, NULL);
        _cleanup_json_ json_t *before = json_deep_copy(pod_template);
        spec.pod_template = pod_template;
        _cleanup_json_ json_t *job = kubernetes_job(&spec);
        const json_t *pod = pod_spec_of(job);
        const json_t *container = container_of(job);
        assert_string_equal(json_get_string(pod, "restartPolicy"), "Never");
        static const char *const off[] = {"hostNetwork", "hostPID", "hostIPC",
                                          "automountServiceAccountToken", "enableServiceLinks"};
        for (size_t i = 0; i < ARRAY_SIZE(off); i++)
                assert_true(json_is_false(json_object_get(pod, off[i])));
        assert_int_equal(json_get_int(pod, "terminationGracePeriodSeconds", 0), 1);
        check_json(json_object_get(pod, "securityContext"),
                   "{\"runAsUser\": 1000, \"runAsGroup\": 65532, \"runAsNonRoot\": true, "
                   "\"fsGroup\": 7, \"seccompProfile\": {\"type\": \"RuntimeDefault\"}}");
        check_json(json_object_get(json_array_get(json_object_get(pod, "initContainers"), 0),
                                   "securityContext"),
                   "{\"allowPrivilegeEscalation\": false, \"privileged\": false, "
                   "\"runAsNonRoot\": true, \"capabilities\": {\"drop\": [\"ALL\"]}, "
                   "\"seccompProfile\": {\"type\": \"RuntimeDefault\"}}");
        assert_true(json_get_bool(json_object_get(container, "securityContext"),
                                  "readOnlyRootFilesystem", false));
        assert_true(json_is_false(
                json_object_get(json_object_get(container, "securityContext"), "privileged")));
        assert_string_equal(json_get_string(container, "image"), "askcsv-runner:1");
        assert_null(json_object_get(container, "command"));
        assert_null(json_object_get(container, "tty"));
        assert_string_equal(json_get_string(container, "imagePullPolicy"), "Never");
        assert_string_equal(
                json_string_value(json_array_get(json_object_get(container, "args"), 0)),
                "--framed");
        check_json(json_object_get(container, "env"),
                   "[{\"name\": \"ASKCSV_REQUEST\", \"value\": \"theirs\"}, "
                   "{\"name\": \"ASKCSV_REQUEST\", \"value\": \"{}\"}]"); /* the last one counts */
        check_json(json_object_get(container, "resources"),
                   "{\"limits\": {\"memory\": \"1664Mi\", \"cpu\": \"3\", \"ephemeral-storage\": "
                   "\"1Gi\"}, \"requests\": {\"memory\": \"1664Mi\", \"cpu\": \"50m\"}}");
        check_json(json_object_get(container, "volumeMounts"),
                   "[{\"name\": \"data\", \"mountPath\": \"/data\", \"readOnly\": true}, "
                   "{\"name\": \"askcsv-tmp\", \"mountPath\": \"/tmp\"}]");
        const json_t *metadata = json_object_get(
                json_object_get(json_object_get(job, "spec"), "template"), "metadata");
        check_json(metadata,
                   "{\"labels\": {\"app.kubernetes.io/name\": \"askcsv-runner\", "
                   "\"app.kubernetes.io/managed-by\": \"askcsv\", \"askcsv.dev/owner\": \"" OWNER
                   "\", \"team\": \"data\"}, \"annotations\": {\"note\": \"1\"}}");
        assert_true(json_equal(before, pod_template)); /* it is used again */
}

static void test_pieces(void **state)
{
        (void)state;
        struct executor_call call = {.request_bytes = 0, .memory_mb = 64, .threads = 1};
        assert_int_equal(kubernetes_pieces(&settings, &call), 0);
        static const size_t sizes[][2] = {{1, 0},
                                          {KUBERNETES_ENV_MAX, 0},
                                          {KUBERNETES_ENV_MAX + 1, 1},
                                          {KUBERNETES_PIECE_MAX, 1},
                                          {KUBERNETES_PIECE_MAX + 1, 2},
                                          {KUBERNETES_PIECE_MAX * 3, 3}};
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                call.request_bytes = sizes[i][0];
                assert_int_equal(kubernetes_pieces(&settings, &call), sizes[i][1]);
        }
        struct executor_kubernetes by_secret = settings;
        by_secret.request_by_secret = true;
        call.request_bytes = 1;
        assert_int_equal(kubernetes_pieces(&by_secret, &call), 1);
        call.request_bytes = 0;
        assert_int_equal(kubernetes_pieces(&by_secret, &call), 0);
}

static void test_secrets(void **state)
{
        (void)state;
        size_t n = KUBERNETES_PIECE_MAX + 1000;
        char *request = test_malloc(n);
        _cleanup_buf_ struct buf whole = {0};
        for (size_t i = 0; i < n; i++)
                request[i] = (char)('a' + i % 23);
        const struct executor_call call = {
                .request = request, .request_bytes = n, .memory_mb = 64, .threads = 1};
        const struct kubernetes_spec spec = spec_of(&call);
        assert_int_equal(spec.pieces, 2);
        buf_init(&whole, 2 * n);
        for (size_t i = 0; i < 2; i++) {
                char key[2] = {(char)('0' + i), '\0'};
                char name[64];
                _cleanup_json_ json_t *secret = kubernetes_secret(&spec, i);
                kubernetes_secret_name(OWNER, i, name);
                assert_string_equal(json_get_string(json_object_get(secret, "metadata"), "name"),
                                    name);
                assert_true(json_get_bool(secret, "immutable", false));
                const char *data = json_get_string(json_object_get(secret, "data"), key);
                assert_non_null(data);
                assert_true(base64_take(&whole, data, strlen(data)));
        }
        assert_int_equal(whole.len, n);
        assert_memory_equal(whole.data, request, n);
        _cleanup_json_ json_t *job = kubernetes_job(&spec);
        check_json(json_array_get(json_object_get(pod_spec_of(job), "volumes"), 1),
                   "{\"name\": \"askcsv-request\", \"projected\": {\"sources\": [{\"secret\": "
                   "{\"name\": \"askcsv-" OWNER "-0\"}}, {\"secret\": {\"name\": \"askcsv-" OWNER
                   "-1\"}}]}}");
        check_json(json_object_get(container_of(job), "args"),
                   "[\"--framed\", \"--data-root\", \"/data\", \"--request-dir\", \"/request\"]");
        check_json(json_object_get(container_of(job), "env"), "[]");
        check_json(json_array_get(json_object_get(container_of(job), "volumeMounts"), 1),
                   "{\"name\": \"askcsv-request\", \"mountPath\": \"/request\", \"readOnly\": "
                   "true}");
        test_free(request);
}

static void test_limits(void **state)
{
        (void)state;
        struct executor_call call = call_of("{}");
        call.memory_mb = INT64_MAX / 8;
        call.threads = 64;
        const struct kubernetes_spec spec = spec_of(&call);
        _cleanup_json_ json_t *job = kubernetes_job(&spec);
        check_json(json_object_get(json_object_get(container_of(job), "resources"), "limits"),
                   "{\"memory\": \"2097152Mi\", \"cpu\": \"65\"}");
}

static void test_no_memory(void **state)
{
        (void)state;
        const struct executor_call call = call_of("{\"a\": \"$\"}");
        struct kubernetes_spec spec = spec_of(&call);
        _cleanup_json_ json_t *pod_template = json_loads(hostile, 0, NULL);
        spec.pod_template = pod_template;
        json_set_alloc_funcs(alloc_malloc, free);
        for (int kind = 0; kind < 4; kind++) {
                json_t *made = NULL;
                spec.pieces = kind < 2 ? 0 : 1;
                for (unsigned long n = 1; !made; n++) {
                        assert_true(n < 2000);
                        alloc_fail_after(n);
                        made = kind % 2 == 0 ? kubernetes_job(&spec)
                               : kind == 1   ? kubernetes_pod(&spec)
                                             : kubernetes_secret(&spec, 0);
                        alloc_fail_after(0);
                }
                json_decref(made);
        }
        json_set_alloc_funcs(malloc, free);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_pods),      cmocka_unit_test(test_odd_pods),
                cmocka_unit_test(test_template),  cmocka_unit_test(test_templates_refused),
                cmocka_unit_test(test_job),       cmocka_unit_test(test_owner),
                cmocka_unit_test(test_walls_win), cmocka_unit_test(test_pieces),
                cmocka_unit_test(test_secrets),   cmocka_unit_test(test_limits),
                cmocka_unit_test(test_no_memory),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
