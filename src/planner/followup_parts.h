/* followup_numbers.c, a part of followup.c: each changes the lists of the plan before, which the
 * builder holds, as the intent says. */
#ifndef ASKCSV_PLANNER_FOLLOWUP_PARTS_H
#define ASKCSV_PLANNER_FOLLOWUP_PARTS_H

#include "planner/builder.h"

#include <string.h>

/* "" when there is none. */
static inline const char *text_of(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text ? text : "";
}

/* True when one of the select items has that alias, or is that column. */
static inline bool selects(const json_t *select, const char *name)
{
        for (size_t i = 0; i < json_array_size(select); i++) {
                const json_t *item = json_array_get(select, i);
                if (strcmp(text_of(item, "alias"), name) == 0 ||
                    strcmp(text_of(item, "column"), name) == 0)
                        return true;
        }
        return false;
}

/* Other numbers over the same rows and groups. */
void change_numbers(struct builder *b);
/* "and the median?": the same number, computed otherwise. */
void change_functions(struct builder *b, enum plan_func func);
/* "and the humidity?" after an average of something else: a column is shown, a number is meant. */
bool shows_number(const struct builder *b);

#endif
