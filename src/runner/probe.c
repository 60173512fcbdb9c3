/* `askcsv-runner --probe`: the walls of this machine, raised for real around a child. */
#include "runner/runner.h"

#include "runner/engine.h"
#include "runner/response.h"

#include "base/fd.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_BYTES_MAX 65536

_Noreturn static void probe_child(struct sandbox_walls *walls, pid_t parent, uid_t uid, gid_t gid,
                                  int fd)
{
        struct error err = {0};
        struct sandbox_spec spec = {.keep_fds = &fd,
                                    .n_keep_fds = 1,
                                    .memory_mb = LIMITS_DEFAULT.memory_mb,
                                    .cpu_s = 10,
                                    .threads = 1,
                                    .parent = parent,
                                    .uid = uid,
                                    .gid = gid};
        int r = sandbox_enter(&spec, walls, &err);
        _cleanup_json_ json_t *line = json_pack("{s:o,s:o,s:s,s:s}", "engine", engine_describe(),
                                                "walls", sandbox_walls_to_json(walls), "verdict",
                                                r == 0 ? "ok" : "refuses", "message", err.message);
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, PROBE_BYTES_MAX);
        if (!line || json_put(line, &text, &err) < 0)
                _exit(1);
        buf_putc(&text, '\n');
        _exit(fd_write_all(fd, buf_text(&text), text.len, &err) < 0 || r < 0);
}

int runner_probe(bool framed, int out_fd, struct error *err)
{
        int fds[2];
        if (pipe2(fds, O_CLOEXEC) < 0)
                return error_errno(err, errno, "making a pipe");
        _cleanup_close_ int from = fds[0];
        struct sandbox_walls walls;
        pid_t parent = getpid();
        uid_t uid = geteuid();
        gid_t gid = getegid();
        pid_t pid = sandbox_clone(&walls, true, err);
        if (pid == 0)
                probe_child(&walls, parent, uid, gid, fds[1]);
        (void)close(fds[1]);
        if (pid < 0)
                return (int)pid;
        _cleanup_buf_ struct buf text = {0};
        buf_init(&text, PROBE_BYTES_MAX);
        int status = 0;
        int r = fd_read_all(from, &text, "the probe's answer", err);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                ;
        if (r == 0 && text.len > 0)
                r = response_send(&text, framed, out_fd, err);
        if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
                r = error_set(err, ERROR_SANDBOX_UNAVAILABLE,
                              "this machine gives too few walls, or the probe failed");
        return r;
}
