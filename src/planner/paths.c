/* The likeliest ways to cut a question into atoms: for each place the cheapest few paths that lead
 * there, each place's made of those before it. */
#include "planner/atom.h"

#define COST_ATOM 0.3 /* each one: few long stretches are likelier than many short ones */

struct step {
        const struct atom *atom;
        int before; /* index among the steps that end where the atom begins; -1 at the start */
        double cost;
};

/* The cheapest steps that end at one place, in order of cost. */
struct place_steps {
        struct step steps[PATHS_MAX];
        size_t n;
};

static void keep(struct place_steps *at, struct step step)
{
        if (at->n == PATHS_MAX && at->steps[PATHS_MAX - 1].cost <= step.cost)
                return;
        size_t i = at->n < PATHS_MAX ? at->n++ : PATHS_MAX - 1;
        while (i > 0 && at->steps[i - 1].cost > step.cost) {
                at->steps[i] = at->steps[i - 1];
                i--;
        }
        at->steps[i] = step;
}

static void extend(const struct question *question, struct place_steps *places, size_t i)
{
        for (size_t a = 0; a < question->n_atoms; a++) {
                const struct atom *atom = &question->atoms[a];
                if (atom->first != i)
                        continue;
                struct place_steps *to = &places[i + atom->n];
                for (size_t s = 0; s < places[i].n; s++)
                        keep(to, (struct step){.atom = atom,
                                               .before = (int)s,
                                               .cost = places[i].steps[s].cost + COST_ATOM +
                                                       atom->cost});
        }
}

static void trace(const struct place_steps *places, size_t end, size_t s, struct path *path)
{
        const struct atom *reversed[PATH_MAX_ATOMS];
        size_t n = 0;
        path->cost = places[end].steps[s].cost;
        while (end > 0 && n < PATH_MAX_ATOMS) {
                const struct step *step = &places[end].steps[s];
                reversed[n++] = step->atom;
                end = step->atom->first;
                s = (size_t)step->before;
        }
        path->n = n;
        for (size_t i = 0; i < n; i++)
                path->atoms[i] = reversed[n - 1 - i];
}

int paths_find(const struct question *question, struct path *paths, size_t max, struct error *err)
{
        struct place_steps *places =
                arena_array(question->arena, question->n_tokens + 1, sizeof(*places));
        if (!places)
                return error_oom(err);
        places[0].n = 1;
        places[0].steps[0] = (struct step){.before = -1};
        for (size_t i = 0; i < question->n_tokens; i++)
                extend(question, places, i);
        const struct place_steps *end = &places[question->n_tokens];
        size_t n = end->n < max ? end->n : max;
        for (size_t s = 0; s < n; s++)
                trace(places, question->n_tokens, s, &paths[s]);
        return (int)n;
}
