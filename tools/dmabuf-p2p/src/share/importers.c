// SPDX-License-Identifier: GPL-2.0
/*
 * Who imports a dma-buf, by the lists that the kernel has for debugging
 *
 * A dma-buf's owner names it, with newlines if he likes, and the name is in that list
 * as it is. In 31 bytes there is no room for what begins a dma-buf: that begins with
 * four numbers of 8 digits each. So he can tell lies of his own dma-bufs only. The list of
 * those with physical lists has no such names.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "importers.h"
#include "text.h"

#define DEVICES "\tAttached Devices:"

/* NULL with the errno if it cannot be read */
static char *read_all(const char *root, const char *name, int *error)
{
	char *path = text_format("%s%s", root, name), *text = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;

	*error = file ? 0 : errno;
	free(path);
	if (!file)
		return NULL;
	/* It has no 0 in it */
	if (getdelim(&text, &size, 0, file) < 0)
		*error = ferror(file) ? errno : 0;
	fclose(file);
	return text;
}

void importers_read(struct importers *importers, const char *root)
{
	int error;

	importers->text = read_all(root, IMPORTERS_FILE, &importers->error);
	/* That is not there if all there is is scatterlists */
	importers->lists = read_all(root, IMPORTERS_LISTS, &error);
}

/* A number of at least 8 digits, and the tab behind it */
static const char *skip_number(const char *line)
{
	size_t digits = strspn(line, "0123456789abcdef");

	return digits < 8 || line[digits] != '\t' ? NULL : line + digits + 1;
}

/* "size flags mode count exporter inode name", with tabs between them */
static bool begins(const char *line, uint64_t *inode)
{
	int i;

	for (i = 0; line && i < 4; i++)
		line = skip_number(line);
	if (!line)
		return false;
	line += strcspn(line, "\t\n");
	return *line == '\t' && skip_number(line + 1) &&
	       sscanf(line + 1, "%" SCNu64, inode) == 1;
}

/* What is between @key and the next space or newline, or NULL; to be freed */
static char *value_of(const char *line, const char *key)
{
	const char *at = strstr(line, key), *end = line + strcspn(line, "\n");

	if (!at || at >= end)
		return NULL;
	at += strlen(key);
	return text_clean(text_format("%.*s", (int)strcspn(at, " \n"), at));
}

/* A dma-buf is "inode exporter=...", what is indented below it belongs to it */
static void each_of_lists(const char *text, ino_t inode,
			  void (*fn)(const char *module, const char *device,
				     void *arg),
			  void *arg)
{
	bool is_it = false;
	char *module, *device;
	uint64_t number;

	for (; text && *text; text += strcspn(text, "\n"), text += !!*text) {
		if (*text != ' ') {
			is_it = sscanf(text, "%" SCNu64, &number) == 1 &&
				number == inode;
			continue;
		}
		module = is_it ? value_of(text, "  importer=") : NULL;
		if (!module)
			continue;
		device = value_of(text, " device=");
		fn(module, device && strcmp(device, "none") ? device : NULL, arg);
		free(module);
		free(device);
	}
}

void importers_each(const struct importers *importers, ino_t inode,
		    void (*fn)(const char *module, const char *device, void *arg),
		    void *arg)
{
	bool is_it = false, devices = false;
	const char *line, *next;
	uint64_t number;
	char *name;

	for (line = importers->text; line && *line; line = next) {
		size_t length = strcspn(line, "\n");

		next = line + length + (line[length] == '\n');
		if (begins(line, &number)) {
			is_it = number == inode;
			devices = false;
		} else if (!strncmp(line, DEVICES, strlen(DEVICES))) {
			devices = true;
		} else if (line[0] != '\t') {
			devices = false;
		} else if (is_it && devices) {
			name = text_clean(text_format("%.*s", (int)length - 1,
						      line + 1));
			fn(NULL, name, arg);
			free(name);
		}
	}
	each_of_lists(importers->lists, inode, fn, arg);
}

void importers_free(struct importers *importers)
{
	free(importers->text);
	free(importers->lists);
	*importers = (struct importers){ 0 };
}
