#include "plan/plan.h"

extern const char plan_schema_json[]; /* made from schemas/query-plan.v1.json by tools/embed */

const char *plan_schema_text(void)
{
        return plan_schema_json;
}
