#include "executor/kubernetes_warm.h"

#include "executor/away.h"
#include "executor/kubernetes_pod.h"
#include "executor/kubernetes_spec.h"
#include "executor/leftovers.h"

#include "base/alloc.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/owner.h"
#include "base/uuid.h"
#include "http/drive.h"
#include "kube/attach.h"
#include "kube/watch.h"
#include "protocol/frame.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FOLDER "warm-pods" /* in $ASKCSV_HOME: the owners' locks */
#define ATTACH_MS 10000
#define KEEP_US (INT64_C(1800) * 1000000) /* that a pod waits for a run; then it is replaced */
/* The cluster itself ends a pod after so long: KEEP_US, the longest run that there may be, and
 * some time to spare. */
#define ACTIVE_S (2 * 3600)
/* Making and removing pods is work for the whole cluster. It waits a moment, so that it is not in
 * the way of a run that has just begun, or of its answer. */
#define LET_RUN_US (INT64_C(100) * 1000)
#define LET_ANSWER_US (INT64_C(20) * 1000)
#define READY_MAX ((size_t)1024 * 1024) /* bytes of what a pod says before its run */
#define FIRST_PAUSE_MS 1000             /* after a failure; then twice as long each time */
#define LAST_PAUSE_MS 60000
#define REMOVE_AGAIN_US (INT64_C(5) * 1000000)
#define WATCH_AGAIN_MS 2000
#define TABLES_ABOVE_MAX 16 /* remembered until the thread gets round to it */
#define IDLE_US (INT64_C(60) * 1000000)

enum stage {
        STAGE_MADE,    /* waits for a node, an image, its container */
        STAGE_LOADING, /* attached, and told what to load */
        STAGE_READY,
        STAGE_TAKEN, /* a run's, until it is OVER */
        STAGE_OVER,  /* to be removed */
};

/* What pods are kept ready for. Never changed but for the last three. */
struct tables {
        struct tables *next;
        char *data_root;
        char *text;
        size_t text_bytes;
        int64_t memory_mb, threads;
        int64_t used_us;  /* under the lock, as all that runs change */
        int64_t again_us; /* no pod is made before; the thread's */
        int failures;     /* since one was last ready; the thread's */
};

struct warm_pod {
        struct warm_pod *next;
        struct tables *tables; /* NULL: no longer kept */
        enum stage stage;      /* under the lock */
        struct owner owner;
        char name[64];
        bool is_asked;              /* it may be in the cluster */
        bool is_made;               /* it was */
        int64_t replace_us;         /* of one that was taken: then there is to be another */
        struct kube_attach *attach; /* of who has the pod: the run that took it, else the thread */
        struct buf said;
        struct pod_state state;
        int64_t until_us; /* MADE, LOADING: then it is given up; READY: then it is replaced; OVER:
                             removing it is not tried before */
};

struct warm {
        struct executor_shared base;
        struct executor_listener listener;
        struct kubernetes *it;
        struct kube_client *client; /* the thread's */
        struct kube_watch *watch;
        char watch_path[KUBE_PATH_MAX];
        char *folder;
        char id[UUID_TEXT_SIZE]; /* KUBERNETES_LABEL_POOL */
        char trouble[ERROR_MESSAGE_MAX];
        pthread_t thread;
        bool has_thread;
        int wake_fd;  /* an eventfd: there is something to do */
        int stop_fd;  /* an eventfd: the pool is closed */
        int epoll_fd; /* both, and the connections of pods that are attached to and not taken */
        pthread_mutex_t lock;
        struct tables *tables;
        size_t n_tables;
        struct warm_pod *pods; /* only the thread adds and removes; read under the lock by runs */
};

static void wake(struct warm *warm)
{
        (void)eventfd_write(warm->wake_fd, 1);
}

static void hear(const struct warm *warm, enum executor_news news, const char *words)
{
        if (warm->listener.hear)
                warm->listener.hear(news, words, warm->listener.data);
}

/* ---- what pods are kept ready for ---- */

static void tables_free(struct tables *tables)
{
        free(tables->data_root);
        free(tables->text);
        free(tables);
}

/* Without the line end, which a frame may not have. */
static size_t body_bytes(const char *text, size_t n)
{
        return n > 0 && text[n - 1] == '\n' ? n - 1 : n;
}

static struct tables *tables_new(const char *data_root, const struct executor_call *call)
{
        struct tables *tables = alloc_calloc(1, sizeof(*tables));
        if (!tables)
                return NULL;
        tables->data_root = alloc_strdup(data_root);
        tables->text = alloc_strdup(call->tables);
        tables->text_bytes = body_bytes(call->tables, call->tables_bytes);
        tables->memory_mb = call->memory_mb;
        tables->threads = call->threads;
        if (tables->data_root && tables->text)
                return tables;
        tables_free(tables);
        return NULL;
}

/* Under the lock. NULL: there is no room for more, or no memory, and nothing is kept for it. */
static struct tables *tables_for(struct warm *warm, const char *data_root,
                                 const struct executor_call *call)
{
        size_t most = (size_t)warm->it->settings.warm_datasets + TABLES_ABOVE_MAX;
        struct tables *tables = warm->tables;
        while (tables && (strcmp(tables->text, call->tables) != 0 ||
                          strcmp(tables->data_root, data_root) != 0))
                tables = tables->next;
        if (!tables && warm->n_tables < most) {
                tables = tables_new(data_root, call);
                if (tables) {
                        tables->next = warm->tables;
                        warm->tables = tables;
                        warm->n_tables++;
                }
        }
        if (tables)
                tables->used_us = clock_monotonic_us();
        return tables;
}

/* ---- a run ---- */

/* The pod that has been ready longest; NULL: none is. */
static struct warm_pod *take(struct warm *warm, const char *data_root,
                             const struct executor_call *call)
{
        struct warm_pod *found = NULL;
        (void)pthread_mutex_lock(&warm->lock);
        const struct tables *tables = tables_for(warm, data_root, call);
        for (struct warm_pod *pod = warm->pods; tables && pod; pod = pod->next)
                if (pod->tables == tables && pod->stage == STAGE_READY &&
                    (!found || pod->until_us < found->until_us))
                        found = pod;
        if (found) {
                found->stage = STAGE_TAKEN;
                found->replace_us = clock_monotonic_us() + LET_RUN_US;
                (void)epoll_ctl(warm->epoll_fd, EPOLL_CTL_DEL, kube_attach_fd(found->attach), NULL);
        }
        (void)pthread_mutex_unlock(&warm->lock);
        if (!found)
                wake(warm);
        return found;
}

static void give_back(struct warm *warm, struct warm_pod *pod)
{
        (void)pthread_mutex_lock(&warm->lock);
        pod->stage = STAGE_OVER;
        pod->replace_us = pod->until_us = clock_monotonic_us() + LET_ANSWER_US;
        (void)pthread_mutex_unlock(&warm->lock);
        wake(warm);
}

/* All of the request. 1: it did not get there, and the pod runs nothing. */
static int send_request(struct warm_pod *pod, const struct executor_call *call,
                        const struct kube_patience *patience, struct error *err)
{
        struct error lost = {0};
        const struct kube_patience now = {.cancel_fd = -1};
        size_t n = body_bytes(call->request, call->request_bytes);
        _cleanup_buf_ struct buf frame = {0};
        buf_init(&frame, FRAME_SIZE(n));
        int r = frame_put("request", call->request, n, &frame, err);
        if (r < 0)
                return r;
        if (kube_attach_receive(pod->attach, &pod->said, &now, &lost) != KUBE_ATTACH_QUIET)
                return 1; /* it has ended, or says what nobody asked */
        r = kube_attach_send(pod->attach, buf_text(&frame), frame.len, patience, &lost);
        if (r == -(int)ERROR_IO)
                return 1;
        if (r < 0)
                *err = lost;
        return r;
}

/* 1: the response is there; 0: the connection is lost, and how the run ends is for the cluster to
 * say. */
static int await_response(struct warm_pod *pod, const struct executor_call *call,
                          const struct kube_patience *patience, struct buf *response,
                          struct error *err)
{
        _cleanup_buf_ struct buf said = {0};
        buf_init(&said, FRAME_SIZE((size_t)call->max_response_bytes) + READY_MAX);
        for (;;) {
                struct error lost = {0};
                int r = kube_attach_receive(pod->attach, &said, patience, &lost);
                if (r == KUBE_ATTACH_ENDED || r == -(int)ERROR_IO)
                        return 0;
                if (r == KUBE_ATTACH_QUIET)
                        return error_set(err, ERROR_RUNNER_TIMEOUT,
                                         "the runner did not end by itself at its deadline; its "
                                         "pod is removed");
                if (r < 0) {
                        *err = lost;
                        return r;
                }
                r = kubernetes_take_response(buf_text(&said), said.len, call, response, err);
                if (r != 0)
                        return r;
        }
}

/* 1: the pod never had the request. */
static int run_in(struct warm_pod *pod, const struct kubernetes *it,
                  const struct executor_call *call, struct buf *response, struct error *err)
{
        const struct kube_patience patience = {.until_us = clock_monotonic_us() +
                                                           away_patience_ms(call) * 1000,
                                               .cancel_fd = call->cancel_fd};
        int r = send_request(pod, call, &patience, err);
        if (r != 0)
                return r;
        r = await_response(pod, call, &patience, response, err);
        return r == 0 ? kubernetes_outlive(it, call, pod->owner.id, response, err) : r < 0 ? r : 0;
}

int kubernetes_warm_run(struct executor_shared *shared, const struct kubernetes *it,
                        const struct executor_call *call, struct buf *response, struct error *err)
{
        struct warm *warm = (struct warm *)shared;
        struct warm_pod *pod;
        while ((pod = take(warm, it->data_root, call))) {
                buf_clear(response);
                int r = run_in(pod, it, call, response, err);
                give_back(warm, pod);
                hear(warm, r > 0 ? EXECUTOR_WARM_FAILED : EXECUTOR_WARM_TAKEN, NULL);
                if (r <= 0)
                        return r;
        }
        hear(warm, EXECUTOR_WARM_MISSED, NULL);
        return 1;
}

void kubernetes_warm_count(struct executor_shared *shared, struct executor_warm *ret)
{
        struct warm *warm = (struct warm *)shared;
        *ret = (struct executor_warm){0};
        (void)pthread_mutex_lock(&warm->lock);
        for (const struct warm_pod *pod = warm->pods; pod; pod = pod->next) {
                ret->ready += pod->stage == STAGE_READY;
                ret->getting_ready += pod->stage == STAGE_MADE || pod->stage == STAGE_LOADING;
        }
        (void)pthread_mutex_unlock(&warm->lock);
}

/* ---- from here on: the thread ---- */

static bool is_stopped(const struct warm *warm)
{
        return http_is_cancelled(warm->stop_fd);
}

static enum stage stage_of(struct warm *warm, const struct warm_pod *pod)
{
        (void)pthread_mutex_lock(&warm->lock);
        enum stage stage = pod->stage;
        (void)pthread_mutex_unlock(&warm->lock);
        return stage;
}

/* False: a run has taken it meanwhile. */
static bool move_to(struct warm *warm, struct warm_pod *pod, enum stage stage, int64_t until_us)
{
        (void)pthread_mutex_lock(&warm->lock);
        bool is_ours = pod->stage != STAGE_TAKEN;
        if (is_ours) {
                pod->stage = stage;
                pod->until_us = until_us;
        }
        (void)pthread_mutex_unlock(&warm->lock);
        return is_ours;
}

/* Nothing is made for these tables for a while, longer each time. */
static void step_back(struct warm *warm, struct tables *tables, const char *why)
{
        int64_t ms = (int64_t)FIRST_PAUSE_MS << (tables->failures < 6 ? tables->failures : 6);
        tables->failures++;
        tables->again_us = clock_monotonic_us() + (ms < LAST_PAUSE_MS ? ms : LAST_PAUSE_MS) * 1000;
        if (strcmp(warm->trouble, why) == 0)
                return;
        (void)snprintf(warm->trouble, sizeof(warm->trouble), "%s", why);
        hear(warm, EXECUTOR_WARM_TROUBLE, why);
}

static void give_up(struct warm *warm, struct warm_pod *pod, const char *why)
{
        if (!move_to(warm, pod, STAGE_OVER, 0))
                return;
        hear(warm, EXECUTOR_WARM_FAILED, NULL);
        if (pod->tables && !is_stopped(warm))
                step_back(warm, pod->tables, why);
}

/* ---- making one ---- */

static int create_pod(struct warm *warm, struct warm_pod *pod, struct error *err)
{
        const struct kubernetes *it = warm->it;
        const struct tables *tables = pod->tables;
        const char *const arguments[] = {"--warm", "--data-root", tables->data_root, NULL};
        const struct executor_call call = {.request = "",
                                           .cancel_fd = warm->stop_fd,
                                           .memory_mb = tables->memory_mb,
                                           .threads = tables->threads};
        const struct kubernetes_spec spec = {.settings = &it->settings,
                                             .pod_template = it->pod_template,
                                             .call = &call,
                                             .arguments = arguments,
                                             .owner = pod->owner.id,
                                             .active_s = ACTIVE_S,
                                             .pool = warm->id,
                                             .is_attached = true};
        char path[KUBE_PATH_MAX];
        _cleanup_(kube_reply_done) struct kube_reply reply = {0};
        kubernetes_path(it, PODS, "", path);
        pod->is_asked = true;
        return kubernetes_create(warm->client, path, kubernetes_pod(&spec), "making a warm pod",
                                 warm->stop_fd, &reply, err);
}

static struct warm_pod *pod_new(struct warm *warm, struct tables *tables, struct error *err)
{
        struct warm_pod *pod = alloc_calloc(1, sizeof(*pod));
        if (!pod) {
                (void)error_oom(err);
                return NULL;
        }
        pod->tables = tables;
        pod->owner.fd = -1;
        buf_init(&pod->said, READY_MAX);
        if (owner_take(warm->folder, &pod->owner, err) < 0) {
                free(pod);
                return NULL;
        }
        (void)snprintf(pod->name, sizeof(pod->name), KUBERNETES_NAME_PREFIX "%s", pod->owner.id);
        return pod;
}

static void make_pod(struct warm *warm, struct tables *tables)
{
        struct error err = {0};
        struct warm_pod *pod = pod_new(warm, tables, &err);
        if (!pod) {
                step_back(warm, tables, err.message);
                return;
        }
        pod->stage = STAGE_MADE;
        pod->until_us = clock_monotonic_us() + warm->it->settings.start_ms * 1000;
        (void)pthread_mutex_lock(&warm->lock);
        pod->next = warm->pods;
        warm->pods = pod;
        (void)pthread_mutex_unlock(&warm->lock);
        pod->is_made = create_pod(warm, pod, &err) == 0;
        if (!pod->is_made)
                give_up(warm, pod, err.message);
}

/* ---- getting it ready ---- */

static int tell_tables(struct warm *warm, struct warm_pod *pod,
                       const struct kube_patience *patience, struct error *err)
{
        const struct tables *tables = pod->tables;
        struct epoll_event event = {.events = EPOLLIN};
        _cleanup_buf_ struct buf frame = {0};
        buf_init(&frame, FRAME_SIZE(tables->text_bytes));
        int r = frame_put("prepare", tables->text, tables->text_bytes, &frame, err);
        if (r == 0)
                r = kube_attach_send(pod->attach, buf_text(&frame), frame.len, patience, err);
        if (r == 0 &&
            epoll_ctl(warm->epoll_fd, EPOLL_CTL_ADD, kube_attach_fd(pod->attach), &event) < 0)
                return error_errno(err, errno, "waiting for a warm pod");
        return r;
}

/* Its container runs. */
static void attach_to(struct warm *warm, struct warm_pod *pod)
{
        struct error err = {0};
        const struct kube_attach_target target = {.pod = pod->name,
                                                  .container = KUBERNETES_CONTAINER};
        const struct kube_patience patience = {.until_us = clock_monotonic_us() + ATTACH_MS * 1000,
                                               .cancel_fd = warm->stop_fd};
        int r = kube_attach_open(warm->it->server, &target, &patience, &pod->attach, &err);
        if (r == 0)
                r = tell_tables(warm, pod, &patience, &err);
        if (r < 0)
                give_up(warm, pod, err.message);
        else
                (void)move_to(warm, pod, STAGE_LOADING,
                              clock_monotonic_us() + warm->it->settings.start_ms * 1000);
}

/* What a runner says that could not get ready: a response with an error. */
static void refused(struct warm *warm, struct warm_pod *pod, const struct frame *frame)
{
        static const struct json_limits limits = {.max_bytes = READY_MAX, .max_depth = 20};
        struct error ignored = {0};
        char why[ERROR_MESSAGE_MAX];
        _cleanup_json_ json_t *body = NULL;
        (void)json_parse(frame->body, frame->body_bytes, &limits, ERROR_IO, &body, &ignored);
        const char *message = json_get_string(json_object_get(body, "error"), "message");
        (void)snprintf(why, sizeof(why), "a warm pod cannot get ready: %.1400s",
                       message ? message : "it does not say why");
        give_up(warm, pod, why);
}

static void take_word(struct warm *warm, struct warm_pod *pod)
{
        struct frame frame;
        struct error err = {0};
        int r = frame_parse(buf_text(&pod->said), pod->said.len, READY_MAX, ERROR_IO, &frame, &err);
        if (r < 0) {
                give_up(warm, pod, err.message);
        } else if (r > 0 && strcmp(frame.name, "ready") != 0) {
                refused(warm, pod, &frame);
        } else if (r > 0 && frame.end != pod->said.len) {
                give_up(warm, pod, "a warm pod says more than that it is ready");
        } else if (r > 0) {
                buf_done(&pod->said);
                buf_init(&pod->said, READY_MAX);
                if (pod->tables)
                        pod->tables->failures = 0;
                warm->trouble[0] = '\0';
                (void)move_to(warm, pod, STAGE_READY, clock_monotonic_us() + KEEP_US);
        }
}

static void load(struct warm *warm, struct warm_pod *pod)
{
        struct error err = {0};
        const struct kube_patience now = {.cancel_fd = -1};
        int r = kube_attach_receive(pod->attach, &pod->said, &now, &err);
        if (r == KUBE_ATTACH_BYTES)
                take_word(warm, pod);
        else if (r == KUBE_ATTACH_ENDED)
                give_up(warm, pod, kube_attach_why(pod->attach));
        else if (r < 0)
                give_up(warm, pod, err.message);
        else if (clock_monotonic_us() >= pod->until_us)
                give_up(warm, pod, "a warm pod did not load its tables in time");
}

/* Under the lock throughout, so that no run takes it meanwhile; nothing here waits. */
static bool is_well(struct warm *warm, struct warm_pod *pod)
{
        struct error ignored = {0};
        const struct kube_patience now = {.cancel_fd = -1};
        (void)pthread_mutex_lock(&warm->lock);
        bool well = pod->stage != STAGE_READY || kube_attach_receive(pod->attach, &pod->said, &now,
                                                                     &ignored) == KUBE_ATTACH_QUIET;
        if (!well)
                pod->stage = STAGE_OVER;
        else if (pod->stage == STAGE_READY && clock_monotonic_us() >= pod->until_us)
                pod->stage = STAGE_OVER;
        if (pod->stage == STAGE_OVER)
                pod->until_us = 0;
        (void)pthread_mutex_unlock(&warm->lock);
        return well;
}

static void look_after_ready(struct warm *warm, struct warm_pod *pod)
{
        if (is_well(warm, pod))
                return;
        hear(warm, EXECUTOR_WARM_FAILED, NULL);
        if (pod->tables)
                step_back(warm, pod->tables,
                          "a warm pod ended, or the connection to it, while it waited");
}

/* ---- removing it ---- */

static void pod_free(struct warm_pod *pod)
{
        kube_attach_free(pod->attach);
        buf_done(&pod->said);
        free(pod);
}

static int ask_to_remove(struct warm *warm, struct warm_pod *pod)
{
        struct error ignored = {0};
        kube_attach_free(steal_ptr(&pod->attach));
        int r = pod->is_asked ? kubernetes_remove(warm->it, warm->client, PODS, pod->name, &ignored)
                              : 1;
        if (r > 0 || (r == 0 && pod->is_made))
                owner_release(warm->folder, &pod->owner);
        return r;
}

/* A lock that is still there is for tidying to be looked after. */
static void forget(struct warm *warm, struct warm_pod *pod)
{
        cleanup_close(&pod->owner.fd);
        (void)pthread_mutex_lock(&warm->lock);
        struct warm_pod **at = &warm->pods;
        while (*at != pod)
                at = &(*at)->next;
        *at = pod->next;
        (void)pthread_mutex_unlock(&warm->lock);
        pod_free(pod);
}

/* ---- looking after all of them ---- */

static void look_after_pod(struct warm *warm, struct warm_pod *pod)
{
        int64_t now_us = clock_monotonic_us();
        switch (stage_of(warm, pod)) {
        case STAGE_MADE:
                if (now_us >= pod->until_us) {
                        char why[ERROR_MESSAGE_MAX];
                        (void)snprintf(why, sizeof(why),
                                       "a warm pod did not start within %lld s "
                                       "(kubernetes_start_s): %s",
                                       (long long)warm->it->settings.start_ms / 1000,
                                       *pod->state.why ? pod->state.why
                                                       : "the cluster gives no reason");
                        give_up(warm, pod, why);
                }
                break;
        case STAGE_LOADING:
                load(warm, pod);
                break;
        case STAGE_READY:
                look_after_ready(warm, pod);
                break;
        case STAGE_OVER:
                if (now_us < pod->until_us)
                        break;
                if (ask_to_remove(warm, pod) < 0)
                        (void)move_to(warm, pod, STAGE_OVER, now_us + REMOVE_AGAIN_US);
                else
                        forget(warm, pod);
                break;
        default:
                break;
        }
}

/* Of the tables beyond the number that is kept, those that nobody has used for longest. */
static struct tables *drop_tables(struct warm *warm)
{
        struct tables **oldest = &warm->tables;
        struct tables *dropped = NULL;
        (void)pthread_mutex_lock(&warm->lock);
        if (warm->n_tables > (size_t)warm->it->settings.warm_datasets) {
                for (struct tables **at = &warm->tables; *at; at = &(*at)->next)
                        if ((*at)->used_us < (*oldest)->used_us)
                                oldest = at;
                dropped = *oldest;
        }
        if (dropped) {
                *oldest = dropped->next;
                warm->n_tables--;
        }
        for (struct warm_pod *pod = warm->pods; dropped && pod; pod = pod->next) {
                if (pod->tables != dropped)
                        continue;
                pod->tables = NULL;
                if (pod->stage != STAGE_TAKEN && pod->stage != STAGE_OVER) {
                        pod->stage = STAGE_OVER;
                        pod->until_us = 0;
                }
        }
        (void)pthread_mutex_unlock(&warm->lock);
        return dropped;
}

static int64_t missing(struct warm *warm, const struct tables *tables)
{
        int64_t n = warm->it->settings.warm;
        int64_t now_us = clock_monotonic_us();
        (void)pthread_mutex_lock(&warm->lock);
        for (const struct warm_pod *pod = warm->pods; pod; pod = pod->next)
                n -= pod->tables == tables &&
                     (pod->stage < STAGE_TAKEN || now_us < pod->replace_us);
        (void)pthread_mutex_unlock(&warm->lock);
        return n;
}

static void fill_up(struct warm *warm)
{
        struct tables *dropped;
        while ((dropped = drop_tables(warm)))
                tables_free(dropped);
        (void)pthread_mutex_lock(&warm->lock);
        struct tables *tables = warm->tables; /* runs only add, in front */
        (void)pthread_mutex_unlock(&warm->lock);
        for (; tables; tables = tables->next) {
                int64_t n = missing(warm, tables);
                for (; n > 0 && clock_monotonic_us() >= tables->again_us && !is_stopped(warm); n--)
                        make_pod(warm, tables);
        }
}

static void look_after_all(struct warm *warm)
{
        eventfd_t ignored;
        (void)eventfd_read(warm->wake_fd, &ignored);
        for (struct warm_pod *pod = warm->pods, *next; pod; pod = next) {
                next = pod->next;
                look_after_pod(warm, pod);
        }
        fill_up(warm);
}

/* When there is something to do that nobody tells. */
static int64_t due_us(struct warm *warm)
{
        int64_t now_us = clock_monotonic_us();
        int64_t due = now_us + IDLE_US;
        (void)pthread_mutex_lock(&warm->lock);
        for (const struct warm_pod *pod = warm->pods; pod; pod = pod->next) {
                if (pod->replace_us > now_us && pod->replace_us < due)
                        due = pod->replace_us;
                if (pod->stage == STAGE_TAKEN)
                        continue;
                due = pod->until_us < due ? pod->until_us : due;
                if ((pod->stage == STAGE_LOADING || pod->stage == STAGE_READY) &&
                    kube_attach_due_us(pod->attach) < due)
                        due = kube_attach_due_us(pod->attach);
        }
        for (const struct tables *tables = warm->tables; tables; tables = tables->next)
                if (tables->again_us > now_us && tables->again_us < due)
                        due = tables->again_us;
        (void)pthread_mutex_unlock(&warm->lock);
        return due;
}

/* What the cluster tells of one of them. */
static void take_news(struct warm *warm, const struct kube_event *event)
{
        struct pod_state state;
        char why[ERROR_MESSAGE_MAX];
        pod_read(event->object, &state);
        struct warm_pod *pod = warm->pods;
        while (pod && strcmp(pod->name, state.name) != 0)
                pod = pod->next;
        if (!pod)
                return;
        enum stage stage = stage_of(warm, pod);
        if (stage == STAGE_TAKEN || stage == STAGE_OVER)
                return;
        pod->state = state;
        bool is_lost = event->kind == KUBE_DELETED || state.is_going || state.phase == POD_ENDED ||
                       state.phase == POD_HOPELESS;
        if (is_lost) {
                (void)snprintf(why, sizeof(why), "a warm pod %s: %s",
                               state.phase == POD_HOPELESS ? "cannot start" : "was lost",
                               *state.why ? state.why : "it was deleted, or ended");
                give_up(warm, pod, why);
        } else if (stage == STAGE_MADE && state.phase == POD_RUNNING) {
                attach_to(warm, pod);
        }
}

/* Until there is something to do: by the cluster's word, a connection's, a run's, or by time. */
static void await_something(struct warm *warm)
{
        struct error err = {0};
        struct kube_event event = {.kind = KUBE_QUIET};
        int64_t until_us = due_us(warm);
        if (!warm->pods) { /* there is nothing to watch */
                (void)http_wait(warm->epoll_fd, (until_us - clock_monotonic_us()) / 1000);
                return;
        }
        int r = kube_watch_next(warm->watch, until_us, warm->epoll_fd, &event, &err);
        if (r == 0 && (event.kind == KUBE_PRESENT || event.kind == KUBE_DELETED))
                take_news(warm, &event);
        json_decref(event.object);
        if (r == 0 || r == -(int)ERROR_CANCELLED)
                return;
        if (strcmp(warm->trouble, err.message) != 0) {
                (void)snprintf(warm->trouble, sizeof(warm->trouble), "%s", err.message);
                hear(warm, EXECUTOR_WARM_TROUBLE, err.message);
        }
        (void)http_wait(warm->stop_fd, WATCH_AGAIN_MS);
}

/* Runs have none of them any more. A cluster that is away is waited for once, not for each. */
static void remove_everything(struct warm *warm)
{
        int r = 0;
        for (struct warm_pod *pod = warm->pods; pod; pod = pod->next)
                (void)move_to(warm, pod, STAGE_OVER, 0);
        for (struct warm_pod *pod = warm->pods, *next; pod; pod = next) {
                next = pod->next;
                if (r >= 0)
                        r = ask_to_remove(warm, pod);
                forget(warm, pod);
        }
}

static void *look_after(void *data)
{
        struct warm *warm = data;
        while (!is_stopped(warm)) {
                look_after_all(warm);
                if (!is_stopped(warm))
                        await_something(warm);
        }
        remove_everything(warm);
        return NULL;
}

/* ---- opening and closing ---- */

static int add_to_epoll(const struct warm *warm, int fd, struct error *err)
{
        struct epoll_event event = {.events = EPOLLIN};
        return epoll_ctl(warm->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0
                       ? error_errno(err, errno, "watching a descriptor")
                       : 0;
}

static int open_fds(struct warm *warm, struct error *err)
{
        warm->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        warm->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        warm->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        if (warm->wake_fd < 0 || warm->stop_fd < 0 || warm->epoll_fd < 0)
                return error_errno(err, errno, "making an eventfd");
        int r = add_to_epoll(warm, warm->wake_fd, err);
        return r < 0 ? r : add_to_epoll(warm, warm->stop_fd, err);
}

static int set_folder(struct warm *warm, const char *home, struct error *err)
{
        char folder[PATH_MAX];
        (void)snprintf(folder, sizeof(folder), "%s/" FOLDER, home);
        warm->folder = alloc_strdup(folder);
        return warm->folder ? 0 : error_oom(err);
}

static int open_cluster(struct warm *warm, const struct executor_settings *settings,
                        struct error *err)
{
        struct executor *executor = NULL;
        int r = executor_kubernetes_ops.open(settings, "/", &executor, err);
        warm->it = (struct kubernetes *)executor;
        if (r == 0)
                r = set_folder(warm, settings->host.home, err);
        if (r == 0)
                r = kube_client_new(warm->it->server, &warm->client, err);
        if (r < 0)
                return r;
        if (warm->it->settings.warm_datasets < 1)
                warm->it->settings.warm_datasets = 1;
        char rest[120];
        (void)snprintf(rest, sizeof(rest), "?labelSelector=askcsv.dev%%2Fpool%%3D%s", warm->id);
        kubernetes_path(warm->it, PODS, rest, warm->watch_path);
        return kube_watch_new(warm->it->server, warm->watch_path, &warm->watch, err);
}

void kubernetes_warm_free(struct executor_shared *shared)
{
        struct warm *warm = (struct warm *)shared;
        if (warm->has_thread) {
                (void)eventfd_write(warm->stop_fd, 1);
                (void)pthread_join(warm->thread, NULL);
        }
        for (struct tables *tables = warm->tables, *next; tables; tables = next) {
                next = tables->next;
                tables_free(tables);
        }
        kube_watch_free(warm->watch);
        kube_client_free(warm->client);
        if (warm->it)
                executor_free(&warm->it->base);
        cleanup_close(&warm->wake_fd);
        cleanup_close(&warm->stop_fd);
        cleanup_close(&warm->epoll_fd);
        (void)pthread_mutex_destroy(&warm->lock);
        free(warm->folder);
        free(warm);
}

int kubernetes_warm_open(const struct executor_settings *settings,
                         const struct executor_listener *listener, struct executor_shared **ret,
                         struct error *err)
{
        if (settings->kubernetes.warm <= 0)
                return 0;
        struct warm *warm = alloc_calloc(1, sizeof(*warm));
        if (!warm)
                return error_oom(err);
        warm->base.ops = &executor_kubernetes_ops;
        warm->wake_fd = warm->stop_fd = warm->epoll_fd = -1;
        if (listener)
                warm->listener = *listener;
        (void)pthread_mutex_init(&warm->lock, NULL);
        int r = uuid_v7(warm->id, err);
        if (r == 0)
                r = open_fds(warm, err);
        if (r == 0)
                r = open_cluster(warm, settings, err);
        if (r == 0 && pthread_create(&warm->thread, NULL, look_after, warm) != 0)
                r = error_set(err, ERROR_INTERNAL, "there can be no more threads");
        warm->has_thread = r == 0;
        if (r < 0)
                kubernetes_warm_free(&warm->base);
        else
                *ret = &warm->base;
        return r;
}

/* ---- what was left behind ---- */

/* Where pods are removed. */
struct place {
        const struct kubernetes *it;
        struct kube_client *client;
};

static int remove_owned(const char *id, void *data, struct error *err)
{
        const struct place *place = data;
        char name[64];
        (void)snprintf(name, sizeof(name), KUBERNETES_NAME_PREFIX "%s", id);
        return kubernetes_remove(place->it, place->client, PODS, name, err);
}

int kubernetes_warm_tidy(const struct kubernetes *it, struct kube_client *client,
                         size_t *ret_removed, struct error *err)
{
        char folder[PATH_MAX];
        (void)snprintf(folder, sizeof(folder), "%s/../" FOLDER, it->folder);
        struct place place = {.it = it, .client = client};
        const struct leftovers leftovers = {
                .folder = folder, .remove = remove_owned, .data = &place};
        return leftovers_remove(&leftovers, ret_removed, err);
}
