/* Runs a program as on a machine that gives fewer walls: a seccomp filter makes the kernel look as
 * if it had no namespaces, no Landlock, or no seccomp for those inside.
 *
 *   fewer_walls namespaces,landlock,seccomp PROGRAM [ARGUMENT...] */
#include "base/cleanup.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static int forbid_namespaces(scmp_filter_ctx filter)
{
        static const unsigned int kinds[] = {CLONE_NEWUSER, CLONE_NEWNS,  CLONE_NEWPID,
                                             CLONE_NEWNET,  CLONE_NEWIPC, CLONE_NEWUTS};
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                     SCMP_A0(SCMP_CMP_MASKED_EQ, kinds[i], kinds[i]));
        return r;
}

static int forbid_landlock(scmp_filter_ctx filter)
{
        static const char *const calls[] = {"landlock_create_ruleset", "landlock_add_rule",
                                            "landlock_restrict_self"};
        int r = 0;
        for (size_t i = 0; r == 0 && i < ARRAY_SIZE(calls); i++)
                r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
                                     seccomp_syscall_resolve_name(calls[i]), 0);
        return r;
}

static int forbid_seccomp(scmp_filter_ctx filter)
{
        int r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(seccomp), 0);
        return r < 0 ? r
                     : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
                                        SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP, 0));
}

static int forbid(scmp_filter_ctx filter, const char *name)
{
        if (strcmp(name, "namespaces") == 0)
                return forbid_namespaces(filter);
        if (strcmp(name, "landlock") == 0)
                return forbid_landlock(filter);
        return strcmp(name, "seccomp") == 0 ? forbid_seccomp(filter) : -EINVAL;
}

int main(int argc, char **argv)
{
        if (argc < 3)
                return 2;
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
        int r = filter ? 0 : -ENOMEM;
        for (char *name = strtok(argv[1], ","); r == 0 && name; name = strtok(NULL, ","))
                r = forbid(filter, name);
        if (r == 0)
                r = seccomp_load(filter);
        if (r < 0) {
                (void)fprintf(stderr, "fewer_walls: %s\n", strerror(-r));
                return 2;
        }
        (void)execv(argv[2], argv + 2);
        perror("fewer_walls");
        return 2;
}
