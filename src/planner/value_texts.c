#include "planner/value_texts.h"

#include "planner/letters.h"
#include "planner/words.h"

uint32_t text_letters(const char *text, size_t n)
{
        uint32_t letters = 0;
        for (size_t i = 0; i < n; i++) {
                char c = lower(text[i]);
                if (is_small(c))
                        letters |= 1u << (c - 'a');
        }
        return letters;
}

const struct value_text *value_texts_make(struct arena *arena, const char *const *values, size_t n)
{
        struct value_text *texts = arena_array(arena, n, sizeof(*texts));
        for (size_t i = 0; texts && i < n; i++) {
                char folded[FOLDED_MAX];
                size_t bytes = fold_text(values[i], folded, sizeof(folded));
                texts[i].value = values[i];
                texts[i].n_folded = (uint32_t)bytes;
                texts[i].letters = text_letters(folded, bytes);
                texts[i].folded = arena_strndup(arena, folded, bytes);
                if (!texts[i].folded)
                        return NULL;
        }
        return texts;
}
