// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message.h"
#include "sysfs_file.h"
#include "text.h"
#include "verb.h"

#define MAKE_PATH(path, root, fmt)                                     \
	do {                                                           \
		va_list args;                                          \
		int used = snprintf(path, sizeof(path), "%s", root);   \
		va_start(args, fmt);                                   \
		if (used >= 0 && (size_t)used < sizeof(path))          \
			vsnprintf(path + used, sizeof(path) -          \
				  (size_t)used, fmt, args);            \
		va_end(args);                                          \
	} while (0)

bool sysfs_text(char *text, size_t size, const char *root, const char *fmt, ...)
{
	char path[PATH_MAX];
	FILE *file;

	MAKE_PATH(path, root, fmt);
	text[0] = 0;
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(text, (int)size, file))
		text[0] = 0;
	fclose(file);
	text[strcspn(text, "\n")] = 0;
	return text_clean(text)[0] != 0;
}

bool sysfs_link(char *name, size_t size, const char *root, const char *fmt, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t len;

	MAKE_PATH(path, root, fmt);
	name[0] = 0;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = 0;
	snprintf(name, size, "%s", basename(target));
	text_clean(name);
	return true;
}

int sysfs_access(int mode, const char *root, const char *fmt, ...)
{
	char path[PATH_MAX];

	MAKE_PATH(path, root, fmt);
	return access(path, mode) ? -errno : 0;
}

static int visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

char **sysfs_list(const char *root, const char *fmt, ...)
{
	struct dirent **entries;
	char path[PATH_MAX];
	char **names;
	int i, nr;

	MAKE_PATH(path, root, fmt);
	nr = scandir(path, &entries, visible, versionsort);
	names = calloc((size_t)(nr > 0 ? nr : 0) + 1, sizeof(*names));
	for (i = 0; names && i < nr; i++) {
		names[i] = strdup(entries[i]->d_name);
		if (!names[i])
			break;
		free(entries[i]);
	}
	if (!names || i < nr) {
		complain(NULL, NULL, "out of memory");
		exit(EXIT_FAILED);
	}
	if (nr >= 0)
		free(entries);
	return names;
}

void sysfs_list_free(char **names)
{
	char **name;

	for (name = names; *name; name++)
		free(*name);
	free(names);
}
