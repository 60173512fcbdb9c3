/* What is answered without a run: greetings, and questions about the tables themselves. */
#ifndef ASKCSV_SERVER_SMALLTALK_H
#define ASKCSV_SERVER_SMALLTALK_H

#include "dataset/schema.h"

/* The answer in words (free(3)); NULL: the message wants a run, or there is no memory. */
char *smalltalk_answer(const struct dataset *dataset, const char *message);

#endif
