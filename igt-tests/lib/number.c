// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "igt_core.h"
#include "number.h"

bool number_is(const char *word, size_t length, uint64_t *value)
{
	char *end;

	/* No sign, nor space that might be a line's end */
	if (*word < '0' || *word > '9')
		return false;
	errno = 0;
	*value = strtoull(word, &end, 0);
	return !errno && end == word + length;
}

uint64_t number_env(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value;

	if (!text)
		return otherwise;
	igt_assert_f(number_is(text, strlen(text), &value),
		     "%s=\"%s\": give it a number of 64 bits\n", name, text);
	return value;
}
