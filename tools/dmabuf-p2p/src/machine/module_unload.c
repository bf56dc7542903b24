// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be unloaded before a module, and what keeps it busy
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module_unload.h"
#include "sysfs_file.h"
#include "text.h"

/* Modules that hold each other would be no order, and the kernel has none such */
#define MAX_DEPTH 16

static bool has(const struct unload *unload, const char *name)
{
	size_t i;

	for (i = 0; i < unload->nr; i++)
		if (!strcmp(unload->names[i], name))
			return true;
	return false;
}

static void add(struct unload *unload, const char *name, unsigned int depth)
{
	char **holders;
	size_t i;

	if (depth > MAX_DEPTH || has(unload, name))
		return;
	holders = sysfs_list(unload->root, "/sys/module/%s/holders", name);
	for (i = 0; holders[i]; i++)
		add(unload, holders[i], depth + 1);
	sysfs_list_free(holders);
	if (unload->nr < UNLOAD_MAX && !has(unload, name))
		snprintf(unload->names[unload->nr++],
			 sizeof(unload->names[0]), "%s", name);
}

void unload_add(struct unload *unload, const char *sysfs)
{
	add(unload, sysfs, 0);
}

char *unload_text(const struct unload *unload)
{
	char *text = text_format("%s", "");
	size_t i;

	for (i = 0; i < unload->nr; i++)
		text = text_join(text, " ", text_format("%s", unload->names[i]));
	return text;
}

char *unload_users(const struct unload *unload)
{
	char *text = text_format("%s", "");
	char count[32], **holders;
	size_t i, nr;
	long users;

	for (i = 0; i < unload->nr; i++) {
		sysfs_text(count, sizeof(count), unload->root,
			   "/sys/module/%s/refcnt", unload->names[i]);
		holders = sysfs_list(unload->root, "/sys/module/%s/holders",
				     unload->names[i]);
		for (nr = 0; holders[nr]; nr++)
			;
		sysfs_list_free(holders);
		users = strtol(count, NULL, 10) - (long)nr;
		if (users > 0)
			text = text_join(text, ", ",
				text_format("%s (%ld time%s)", unload->names[i],
					    users, users == 1 ? "" : "s"));
	}
	return text;
}
