// SPDX-License-Identifier: GPL-2.0
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "text.h"
#include "verb.h"

static struct json_object *checked(struct json_object *obj)
{
	if (!obj) {
		fputs("dmabuf-p2p: out of memory\n", stderr);
		exit(EXIT_FAILED);
	}
	return obj;
}

struct json_object *json_new_object(void)
{
	return checked(json_object_new_object());
}

struct json_object *json_new_array(void)
{
	return checked(json_object_new_array());
}

void json_member(struct json_object *obj, const char *name,
		 struct json_object *value)
{
	if (json_object_object_add(obj, name, value))
		checked(NULL);
}

void json_append(struct json_object *array, struct json_object *value)
{
	if (json_object_array_add(array, value))
		checked(NULL);
}

static struct json_object *new_text(const char *value)
{
	char *clean = text_clean(text_format("%s", value));
	struct json_object *text = checked(json_object_new_string(clean));

	free(clean);
	return text;
}

void json_text(struct json_object *obj, const char *name, const char *value)
{
	json_member(obj, name, new_text(value));
}

void json_append_text(struct json_object *array, const char *value)
{
	json_append(array, new_text(value));
}

void json_number(struct json_object *obj, const char *name, uint64_t value)
{
	json_member(obj, name, checked(json_object_new_uint64(value)));
}

void json_real(struct json_object *obj, const char *name, double value)
{
	json_member(obj, name, checked(json_object_new_double(value)));
}

void json_flag(struct json_object *obj, const char *name, int value)
{
	json_member(obj, name, checked(json_object_new_boolean(value)));
}

void json_null(struct json_object *obj, const char *name)
{
	json_member(obj, name, NULL);
}

/* Members come in the order they were added */
static struct json_object *marked(struct json_object *obj, const char *kind)
{
	struct json_object *all = json_new_object();

	json_text(all, "kind", kind);
	json_number(all, "version", JSON_VERSION);
	json_object_object_foreach(obj, name, value)
		json_member(all, name, json_object_get(value));
	json_object_put(obj);
	return all;
}

void json_print(struct json_object *obj, const char *kind)
{
	obj = marked(obj, kind);
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PRETTY |
						 JSON_C_TO_STRING_SPACED |
						 JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(obj);
}

/* Two blanks more in front of each line */
static void print_indented(const char *text)
{
	const char *end;

	for (; *text; text = end + (*end == '\n')) {
		end = text + strcspn(text, "\n");
		printf("    %.*s%s", (int)(end - text), text, *end ? "\n" : "");
	}
}

void json_print_array(struct json_object *obj, const char *kind, const char *name,
		      struct json_object *(*next)(void *arg), void *arg)
{
	const int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
			  JSON_C_TO_STRING_NOSLASHESCAPE;
	struct json_object *element;
	const char *text;
	bool first = true;

	obj = marked(obj, kind);
	text = json_object_to_json_string_ext(obj, flags);
	/* Its end is a line with a brace, and comes after the array */
	printf("%.*s,\n  \"%s\": [", (int)(strlen(text) - 2), text, name);
	json_object_put(obj);
	while ((element = next(arg))) {
		puts(first ? "" : ",");
		print_indented(json_object_to_json_string_ext(element, flags));
		json_object_put(element);
		first = false;
	}
	puts("\n  ]\n}");
}

void json_print_line(struct json_object *obj, const char *kind)
{
	obj = marked(obj, kind);
	puts(json_object_to_json_string_ext(obj, JSON_C_TO_STRING_SPACED |
						 JSON_C_TO_STRING_NOSLASHESCAPE));
	fflush(stdout);
	json_object_put(obj);
}
