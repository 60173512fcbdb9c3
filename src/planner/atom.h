/* Atoms: stretches of the question that mean one thing. The same words may be several atoms
 * ("total" is a column and a sum); paths.c lists the likeliest ways to cut the question. */
#ifndef ASKCSV_PLANNER_ATOM_H
#define ASKCSV_PLANNER_ATOM_H

#include "plan/model.h"
#include "planner/concept.h"
#include "planner/words.h"

#define ATOMS_MAX 1500 /* found in a question */
#define PATH_MAX_ATOMS TOKENS_MAX
#define PATHS_MAX 40      /* ways to cut a question that are tried */
#define VALUES_IN_ATOM 60 /* values that one stretch may stand for */
#define VALUES_IN_PLACE 8 /* of them in the atom itself */

enum atom_kind {
        ATOM_UNKNOWN, /* a word that means nothing here */
        ATOM_LIGHT,   /* a word that a question can do without */
        ATOM_WORD,    /* a word of the grammar: word and arg */
        ATOM_NUMBER,
        ATOM_TEXT, /* what "contains" or "starts with" looks for, or a text in quotes */
        ATOM_TIME,
        ATOM_TABLE,
        ATOM_COLUMN,
        ATOM_ENTITY,
        ATOM_MEASURE,
        ATOM_SEGMENT,
        ATOM_VALUE,
        ATOM_ADJECTIVE, /* "expensive": refs are the columns that it is about */
};

/* Words of the grammar. What arg holds is said where it is not nothing. */
enum word {
        WORD_NONE,
        WORD_LIST, /* show me, find */
        WORD_WHICH,
        WORD_WHAT,
        WORD_WHO,
        WORD_WHEN,
        WORD_HOW_MANY,
        WORD_HOW_MUCH,
        WORD_COUNT, /* number of */
        WORD_DISTINCT,
        WORD_FUNC,       /* enum plan_func */
        WORD_ON_AVERAGE, /* of the whole question */
        WORD_IN_TOTAL,
        WORD_SUPER,  /* 1: descending (highest), 0: ascending (lowest) */
        WORD_TOP,    /* the same (top, best; bottom, worst) */
        WORD_MOST,   /* 1: most, 0: fewest, least */
        WORD_COMMON, /* common, frequent; 0: rare */
        WORD_LATE,   /* 1: latest, newest, last; 0: earliest, first, oldest */
        WORD_BY,
        WORD_PER,
        WORD_EACH,
        WORD_ACROSS,
        WORD_AND,
        WORD_OR,
        WORD_NOT,
        WORD_NEVER,
        WORD_NEITHER,
        WORD_EXCEPT,
        WORD_WITHOUT,
        WORD_WITH,
        WORD_A,          /* a, an, any */
        WORD_POSSESSIVE, /* their, its */
        WORD_IN,
        WORD_OF,
        WORD_FOR,
        WORD_FROM,
        WORD_TO,
        WORD_IS,
        WORD_HAVE,
        WORD_DO,
        WORD_THAT,
        WORD_COMPARE_OP,  /* enum filter_op */
        WORD_COMPARATIVE, /* the sign alone: "more", "greater" before an adjective. enum filter_op
                           */
        WORD_OR_MORE,     /* enum filter_op */
        WORD_BETWEEN,
        WORD_CONTAINS, /* enum filter_op */
        WORD_NAMED,
        WORD_NULL,
        WORD_SHARE,
        WORD_RATE,
        WORD_DISTRIBUTION,
        WORD_COMPARE,
        WORD_VERSUS,
        WORD_SORT,
        WORD_DIRECTION, /* 1: descending */
        WORD_FIRST,     /* "first" behind "highest" or a number of rows */
        WORD_UNIT,      /* enum plan_unit: month */
        WORD_UNITLY,    /* enum plan_unit: monthly */
        WORD_PART,      /* enum plan_unit: day of the week */
        WORD_TIME,      /* "time", "date": the default time column, when it is shown */
        WORD_PERCENT,
        WORD_MONEY,
        WORD_MILLION, /* how often a thousand */
        WORD_ROWS,
        WORD_BOTH,
        WORD_ONLY,
        WORD_INSTEAD,
        WORD_WHAT_ABOUT,
        WORD_THOSE,
        WORD_ALSO,
        WORD_PLUS,
        WORD_MINUS,
        WORD_TIMES,
        WORD_DIVIDED,
        WORD_DIFFERENCE, /* "difference between": of two columns */
        WORD_COMMA,
        WORD_OPEN,
        WORD_CLOSE,
        WORD_REFUSE, /* enum refusal */
};

/* What no plan can say. */
enum refusal {
        REFUSE_CAUSE,
        REFUSE_FUTURE,
        REFUSE_OPINION,
        REFUSE_WRITE,
        REFUSE_STATISTIC, /* correlations, running totals */
        REFUSE_VAGUE,
        REFUSE_TOPIC,
};

enum time_kind {
        TIME_NONE,
        TIME_LAST,     /* the last n units */
        TIME_RANGE,    /* from, to: dates, both included; either may be "" */
        TIME_MONTH,    /* a month of any year */
        TIME_WEEKDAYS, /* days of the week, 1 is Monday: first to last */
};

struct timex {
        enum time_kind kind;
        int n;
        enum plan_unit unit;
        char from[32], to[32];   /* "2026-01-31" */
        bool from_open, to_open; /* the end itself is not included */
        int first, last;
        enum plan_unit supposed; /* "last month" was said: what it was taken for is supposed */
        bool is_year;            /* a whole year, or several: from and to are in years */
};

#define LIGHT_BEHIND_NAME 4 /* arg of a light word that needs a name before it: "stock level" */
#define LIGHT_VERB 5        /* arg of one that is a noun behind a preposition: "on hold" */
#define LIGHT_EVENT 6       /* arg of one that stands before a time: "released in 2015" */
#define LIGHT_OF_TEXT 9     /* arg of "whose name", where "starts with" or "contains" is said */
#define LIGHT_AT_START 7    /* arg of one that says nothing there: "right, how many ..." */
#define ROWS_YOUNG 3        /* arg of persons whose age must be said: "children under 10" */
#define UNIT_OF_COLUMN 100  /* arg of a light word that is the unit of some column */

struct atom {
        enum atom_kind kind;
        size_t first, n; /* tokens */
        double cost;
        enum word word;
        int arg;
        int index; /* table, measure, segment */
        struct refs refs;
        const char *values[VALUES_IN_PLACE]; /* the first ones */
        const char *const *more;             /* all of them, when there are more */
        size_t n_values;
        bool is_part; /* the words are only a part of the value */
        double number;
        const char *digits; /* of the number, as JSON writes it */
        bool percent, money, ordinal;
        bool plural;
        bool is_verb; /* "ordered" of orders: says what was done, and names nothing */
        struct timex time;
        const char *text; /* ATOM_TEXT: as typed */
};

struct question {
        const struct concepts *concepts;
        struct arena *arena;
        struct token *tokens;
        size_t n_tokens;
        struct atom *atoms;
        size_t n_atoms;
        int64_t as_of_s;
        bool no_memory;
};

/* grammar.c: atoms of the grammar's words that begin at token i. */
void grammar_link(struct question *question, size_t i);
/* A word of the grammar that is at most `most` edits from text, as measure counts them, or NULL. */
const char *grammar_nearest(const char *text, size_t most,
                            size_t (*measure)(const char *, const char *, size_t));
/* timex.c */
void time_link(struct question *question, size_t i);
/* link.c: all atoms of the question, into question->atoms. 0 or ERROR_INTERNAL. */
int question_link(struct question *question, struct error *err);
/* A new atom over n tokens from first on, to be filled; never NULL. */
struct atom *atom_add(struct question *question, enum atom_kind kind, size_t first, size_t n,
                      double cost);

/* One way to cut the question: atoms that cover every token, in order. */
struct path {
        const struct atom *atoms[PATH_MAX_ATOMS];
        size_t n;
        double cost;
};

/* paths.c: the cheapest first; gives how many, or a negative code. */
int paths_find(const struct question *question, struct path *paths, size_t max, struct error *err);

#endif
