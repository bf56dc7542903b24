/* SPDX-License-Identifier: GPL-2.0 */
#ifndef TREE_H
#define TREE_H

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A folder that stands for the / of a machine
 */
static char root[] = "/tmp/dmabuf-p2p.XXXXXX";

static inline void tree_begin(void)
{
	if (!mkdtemp(root))
		exit(1);
}

static inline void tree_clear(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -rf '%s'/*", root);
	if (system(command))
		exit(1);
}

static inline void tree_end(void)
{
	tree_clear();
	rmdir(root);
}

/* Its path, and all folders on the way */
static inline void at(char path[PATH_MAX], const char *name)
{
	char *slash;

	snprintf(path, PATH_MAX, "%s%s", root, name);
	for (slash = path + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(path, 0700);
		*slash = '/';
	}
}

static inline void file(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *f;

	at(path, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f))
		exit(1);
}

static inline void link_to(const char *name, const char *target)
{
	char path[PATH_MAX], full[PATH_MAX];

	at(path, name);
	snprintf(full, sizeof(full), "%s%s", target[0] == '/' ? root : "",
		 target);
	if (symlink(full, path))
		exit(1);
}

#endif /* TREE_H */
