/* "--without policy,engine,os", of the tools that have it. */
#ifndef ASKCSV_TESTS_TAKE_AWAY_H
#define ASKCSV_TESTS_TAKE_AWAY_H

#include "runner/runner.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static inline bool take_away(struct runner_walls *walls, const char *text)
{
        char names[64];
        (void)snprintf(names, sizeof(names), "%s", text);
        for (char *name = strtok(names, ","); name; name = strtok(NULL, ",")) {
                if (strcmp(name, "policy") == 0)
                        walls->policy = false;
                else if (strcmp(name, "engine") == 0)
                        walls->engine_lock = false;
                else if (strcmp(name, "os") == 0)
                        walls->os_sandbox = false;
                else
                        return false;
        }
        return true;
}

#endif
