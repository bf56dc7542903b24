// SPDX-License-Identifier: GPL-2.0
/*
 * Which devices import a dma-buf, by the list that the kernel has for debugging
 *
 * A dma-buf's owner names it, with newlines if he likes, and the name is in that list
 * as it is. In 31 bytes there is no room for what begins a dma-buf: that begins with
 * four numbers of 8 digits each. So he can tell lies of his own dma-bufs only.
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

void importers_read(struct importers *importers, const char *root)
{
	char *path = text_format("%s" IMPORTERS_FILE, root);
	size_t size = 0;
	FILE *file = fopen(path, "re");

	*importers = (struct importers){ .error = file ? 0 : errno };
	free(path);
	if (!file)
		return;
	/* It has no 0 in it */
	if (getdelim(&importers->text, &size, 0, file) < 0)
		importers->error = ferror(file) ? errno : 0;
	fclose(file);
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

void importers_each(const struct importers *importers, ino_t inode,
		    void (*fn)(const char *name, void *arg), void *arg)
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
			fn(name, arg);
			free(name);
		}
	}
}

void importers_free(struct importers *importers)
{
	free(importers->text);
	importers->text = NULL;
}
