#include "agent/budget.h"

#include "base/clock.h"

#include <stdio.h>

#define MILLION 1000000

void budget_start(struct budget *budget, const struct agent_bounds *bounds)
{
        int64_t now_us = clock_monotonic_us();
        *budget = (struct budget){.bounds = bounds,
                                  .start_us = now_us,
                                  .deadline_us = now_us + bounds->time_ms_max * 1000};
}

static double cents_of(const struct agent_bounds *bounds, int64_t tokens_in, int64_t tokens_out)
{
        return ((double)tokens_in * (double)bounds->price_in +
                (double)tokens_out * (double)bounds->price_out) /
               MILLION;
}

double budget_cents(const struct budget *budget)
{
        return cents_of(budget->bounds, budget->tokens_in, budget->tokens_out);
}

bool budget_allows(const struct budget *budget, size_t bytes, char *why, size_t size)
{
        const struct agent_bounds *bounds = budget->bounds;
        int64_t tokens_in = budget->tokens_in + (int64_t)(bytes / BUDGET_BYTES_PER_TOKEN);
        if (budget->steps >= bounds->steps_max)
                (void)snprintf(why, size, "%d steps", bounds->steps_max);
        else if (clock_monotonic_us() >= budget->deadline_us)
                (void)snprintf(why, size, "%lld seconds", (long long)bounds->time_ms_max / 1000);
        else if (bounds->tokens_max > 0 && tokens_in + budget->tokens_out > bounds->tokens_max)
                (void)snprintf(why, size, "%lld tokens", (long long)bounds->tokens_max);
        else if (bounds->cost_max > 0 &&
                 cents_of(bounds, tokens_in, budget->tokens_out) > (double)bounds->cost_max)
                (void)snprintf(why, size, "%lld cent%s", (long long)bounds->cost_max,
                               bounds->cost_max == 1 ? "" : "s");
        else
                return true;
        return false;
}

void budget_spend(struct budget *budget, const struct model_reply *reply, size_t bytes_in,
                  size_t bytes_out)
{
        bool counted = reply->tokens_in >= 0 && reply->tokens_out >= 0;
        budget->steps++;
        budget->is_estimated |= !counted;
        budget->tokens_in += reply->tokens_in >= 0 ? reply->tokens_in
                                                   : (int64_t)(bytes_in / BUDGET_BYTES_PER_TOKEN);
        budget->tokens_out += reply->tokens_out >= 0
                                      ? reply->tokens_out
                                      : (int64_t)(bytes_out / BUDGET_BYTES_PER_TOKEN);
}

json_t *budget_to_json(const struct budget *budget)
{
        return json_pack("{s:i, s:I, s:I, s:b, s:i, s:f}", "steps", budget->steps, "tokens_in",
                         (json_int_t)budget->tokens_in, "tokens_out",
                         (json_int_t)budget->tokens_out, "tokens_estimated", budget->is_estimated,
                         "repairs", budget->repairs, "cost_cents", budget_cents(budget));
}
