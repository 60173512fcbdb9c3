/* Doing beforehand what runs will do, with statements of our own over data of their own: what is
 * made at the first use is then there, in a parent for all its children, and a waiting child has
 * its own copies of the pages that it will write to. Changes nothing but speed. */
#ifndef ASKCSV_RUNNER_EXERCISE_H
#define ASKCSV_RUNNER_EXERCISE_H

#include "runner/engine.h"

void exercise_thoroughly(struct engine *engine); /* in a parent */
void exercise_shortly(struct engine *engine);    /* in a child, before it reads its request */

#endif
