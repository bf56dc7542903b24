/* SPDX-License-Identifier: GPL-2.0 */
#ifndef JSON_H
#define JSON_H

#include <json-c/json.h>
#include <stdint.h>

/*
 * Adding members to a JSON object. Running out of memory ends the program, so
 * nothing has to be checked.
 */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
void json_text(struct json_object *obj, const char *name, const char *value);
void json_number(struct json_object *obj, const char *name, uint64_t value);
void json_real(struct json_object *obj, const char *name, double value);
void json_flag(struct json_object *obj, const char *name, int value);
void json_null(struct json_object *obj, const char *name);
/** json_member - @value belongs to @obj afterwards */
void json_member(struct json_object *obj, const char *name,
		 struct json_object *value);
/** json_append - @value belongs to @array afterwards */
void json_append(struct json_object *array, struct json_object *value);
void json_append_text(struct json_object *array, const char *value);

/*
 * What programs may rely on is in doc/dmabuf-p2p.schema.json. Members may be added
 * without notice; this number is another one when some are gone, or mean something else.
 */
#define JSON_VERSION 1

/**
 * json_print - on stdout, indented, and free it
 * @obj: an object
 * @kind: its name in the schema: it gets that and %JSON_VERSION as first members
 */
void json_print(struct json_object *obj, const char *kind);

/**
 * json_print_array - the same with an array at its end that may be too long to keep
 * @obj: an object, freed
 * @kind: as of json_print()
 * @name: of the array
 * @next: called with @arg for each element, which is freed; NULL ends it
 * @arg: for @next
 */
void json_print_array(struct json_object *obj, const char *kind, const char *name,
		      struct json_object *(*next)(void *arg), void *arg);

/** json_print_line - the same in one line, at once: for streams of objects */
void json_print_line(struct json_object *obj, const char *kind);

#endif /* JSON_H */
