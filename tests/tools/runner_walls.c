/* askcsv-runner with walls taken away, to try the ones that are left. For the tests only: the
 * program that ships has no such switch.
 *
 *   runner_walls [--warm] --without policy,engine,os [--data-root DIR] < request > response */
#include "take_away.h"

#include "runner/runner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int usage(void)
{
        (void)fputs("usage: runner_walls [--warm] --without policy,engine,os [--data-root DIR]\n",
                    stderr);
        return 2;
}

int main(int argc, char **argv)
{
        struct error err = {0};
        struct runner_options options = {.data_root = "/", .walls = RUNNER_ALL_WALLS};
        bool warm = argc > 1 && strcmp(argv[1], "--warm") == 0;
        for (int i = warm ? 2 : 1; i < argc; i += 2) {
                if (i + 1 == argc)
                        return usage();
                if (strcmp(argv[i], "--data-root") == 0)
                        options.data_root = argv[i + 1];
                else if (strcmp(argv[i], "--without") != 0 ||
                         !take_away(&options.walls, argv[i + 1]))
                        return usage();
        }
        int r = warm ? runner_stand_by(&options, STDIN_FILENO, STDOUT_FILENO, &err)
                     : runner_serve(&options, STDIN_FILENO, STDOUT_FILENO, &err);
        if (r == 0)
                _exit(0); /* as the runner does: the engine is left to the process's end */
        (void)fprintf(stderr, "runner_walls: %s\n", err.message);
        return 1;
}
