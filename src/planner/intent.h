/* What a question asks for, before it is known which table it starts from. */
#ifndef ASKCSV_PLANNER_INTENT_H
#define ASKCSV_PLANNER_INTENT_H

#include "planner/atom.h"

#define WANTS_MAX 8
#define CONDS_MAX 24
#define GROUPS_MAX 5
#define SHOWN_MAX 20

enum want_kind {
        WANT_NONE,
        WANT_ROWS,     /* the number of rows, or of a segment's */
        WANT_DISTINCT, /* of the different values of a column */
        WANT_COLUMN,   /* func of a column, or of two of them joined by op */
        WANT_MEASURE,  /* one that the owner defined */
};

struct want {
        enum want_kind kind;
        enum plan_func func; /* WANT_COLUMN; FUNC_NONE: to be found out */
        struct refs refs;
        enum expr_op op; /* EXPR_ADD, EXPR_SUB, EXPR_MUL, EXPR_DIV with refs2; else EXPR_NONE */
        struct refs refs2;
        bool spread; /* WANT_COLUMN: the highest less the lowest */
        int index;   /* measure */
        int table;   /* whose rows are counted; -1: the one the question starts from */
        int segment; /* of the rows that are counted; -1: none */
};

/* Of no measure, table or segment. */
static inline struct want want_of(enum want_kind kind)
{
        return (struct want){.kind = kind, .index = -1, .table = -1, .segment = -1};
}

enum cond_role {
        ROLE_FILTER,
        ROLE_PART,  /* what a share or a ratio is of: counted, not filtered by */
        ROLE_WHOLE, /* what a ratio is to */
};

enum cond_kind {
        COND_COMPARE, /* op, a */
        COND_BETWEEN, /* a, b */
        COND_VALUES,
        COND_TEXT, /* op, text */
        COND_NULL,
        COND_FLAG,
        COND_TIME,
        COND_SEGMENT,
        COND_HAVING,   /* want, op, a */
        COND_COMPUTED, /* what want computes of each row, op, a */
        COND_NO_ROWS,  /* no row of that table belongs to it */
};

struct cond {
        enum cond_kind kind;
        struct refs refs;
        enum filter_op op;
        const char *more[8]; /* COND_COMPARE: equal to a or one of these */
        size_t n_more;
        struct refs refs2; /* COND_COMPARE with another column, when there is no number a */
        const char *a, *b; /* numbers as JSON, or dates */
        bool dates;        /* a and b are dates */
        const char *text;
        const struct atom *value;      /* COND_VALUES */
        const struct atom *value2[12]; /* more of the same column */
        size_t n_value2;
        bool negated;
        int either; /* conditions of one number above 0 are joined by "or" */
        struct timex time;
        int index; /* segment, table */
        struct want want;
        size_t at; /* place in the path */
        enum cond_role role;
        bool dropped;
        bool lacks;    /* said with "no", "without", "never" */
        bool excepted; /* said with "except" */
        bool apart;    /* "or" behind it is no either: "without A or B" */
};

struct group {
        struct refs refs;    /* none: the default time column */
        enum plan_unit unit; /* UNIT_NONE: the column as it is */
        bool is_part;        /* date_part and not date_trunc */
        bool per_each;       /* said with "each": the best of each, when there is a superlative */
        size_t at;
};

enum rank_by {
        RANK_NONE,
        RANK_WANT,
        RANK_COLUMN,
        RANK_COMPUTED, /* what the want computes of two columns of each row */
        RANK_TIME,
        RANK_UNSAID
};

struct rank {
        enum rank_by by;
        bool descending;
        int n; /* 0: not said */
        struct want want;
        struct refs refs;
        bool plural;  /* of what is ranked */
        bool is_most; /* "most", and not "highest": numbers are added up */
        size_t at;
};

enum share_kind {
        SHARE_NONE,
        SHARE_OF_ROWS,  /* the rows that meet the conditions of ROLE_PART, among all */
        SHARE_TO_ROWS,  /* those rows for each that meets those of ROLE_WHOLE */
        SHARE_OF_TOTAL, /* each group's part of the total */
};

enum head_kind { HEAD_NONE, HEAD_TABLE, HEAD_ENTITY, HEAD_COLUMN, HEAD_TIME };

/* What the rows of the answer are, when the question names it. */
struct head {
        enum head_kind kind;
        int table;
        struct refs refs;
        bool plural;
        size_t at;
};

enum sort_by { SORT_NONE, SORT_NUMBER, SORT_COLUMN, SORT_TIME, SORT_NAME };

struct intent {
        struct want wants[WANTS_MAX];
        size_t n_wants;
        struct cond conds[CONDS_MAX];
        size_t n_conds;
        struct group groups[GROUPS_MAX];
        size_t n_groups;
        struct refs shown[SHOWN_MAX];
        size_t n_shown;
        struct want computed; /* of each row, to be shown: "the price minus the cost" */
        bool show_time;
        struct head head;
        struct rank rank;
        enum share_kind share;
        bool ratio; /* the first want, divided by the number of different `per` */
        struct head per;
        bool quotient; /* the first want divided by the second */
        bool percent;  /* of the quotient */
        bool distinct;
        enum sort_by sort;
        struct refs sort_refs;
        bool sort_descending;
        bool is_list;  /* rows are asked for, not numbers */
        bool is_which; /* "which", "what", "who" */
        bool is_when;
        bool is_who;
        bool lists_each; /* numbers are asked for, of each thing of the head */
        bool lists_rows; /* "show anomalies": rows, whatever columns are named */
        bool says_list;  /* "show me", "list" */
        bool is_what;
        bool on_average;
        bool in_total;
        bool how_much;
        bool names_many;   /* it begins with a name in the plural: "statuses" */
        bool names_number; /* it begins with a number in the singular */
        bool any_row;      /* "at least one order" was said */
        bool head_with;    /* "sensors with ..." */
        int tables[4];     /* that were named */
        size_t n_tables;
        double cost; /* of what had to be supposed */
        /* Of a follow-up only: */
        bool is_fragment; /* nothing is asked for by itself */
        bool replaces;    /* "instead", "what about" */
        enum plan_func new_func;
};

/* What a path could not be read for. */
struct misread {
        const struct atom *stuck; /* an atom that had no place, or NULL */
        int refused;              /* enum refusal, or -1 */
};

/* read.c: false when the path makes no sense; *misread says why. */
bool intent_read(const struct question *question, const struct path *path, struct intent *ret,
                 struct misread *misread);

#endif
